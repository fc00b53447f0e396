//! A small assembler for the instruction set of eBPF (RFC 9669): enough for the programs of this crate.

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reg {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
    R6 = 6,
    R7 = 7,
    R8 = 8,
    R9 = 9,
    /// The end of the stack.
    Fp = 10,
}

/// How many bytes are loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Byte = 0x10,
    Half = 0x08,
    Word = 0x00,
    Double = 0x18,
}

/// Arithmetic (64 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alu {
    Add = 0x00,
    Sub = 0x10,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Move = 0xb0,
}

/// When to jump (64 bits, without sign).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Equal = 0x10,
    Greater = 0x20,
    NotEqual = 0x50,
    Less = 0xa0,
}

/// Functions of the kernel (`enum bpf_func_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    CurrentPidTgid = 14,
    CurrentUidGid = 15,
    CurrentComm = 16,
    SkbLoadBytes = 26,
    CurrentTask = 35,
    CurrentCgroup = 80,
    ReadUser = 112,
    ReadKernel = 113,
    BootTime = 125,
    RingReserve = 131,
    RingSubmit = 132,
}

/// A place in a program that jumps lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// A program being written.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    code: Vec<u64>,
    /// Jumps whose distance is not known yet: the instruction and the label.
    jumps: Vec<(usize, Label)>,
    labels: Vec<Option<usize>>,
}

impl Assembler {
    /// The instructions, every jump resolved.
    ///
    /// # Panics
    /// When a label was never placed, which is a mistake in the program's text.
    pub(crate) fn finish(mut self) -> Vec<u64> {
        for (at, label) in self.jumps {
            let target = self.labels[label.0].expect("every label is placed");
            let distance =
                i16::try_from(target as i64 - at as i64 - 1).expect("programs are short");
            self.code[at] |= u64::from(distance.cast_unsigned()) << 16;
        }
        self.code
    }

    /// A label to be placed later.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places `label` here.
    pub(crate) fn place(&mut self, label: Label) -> &mut Self {
        self.labels[label.0] = Some(self.code.len());
        self
    }

    fn emit(&mut self, code: u8, to: u8, from: u8, offset: i16, value: i32) -> &mut Self {
        self.code.push(
            u64::from(code)
                | u64::from(to) << 8
                | u64::from(from) << 12
                | u64::from(offset.cast_unsigned()) << 16
                | u64::from(value.cast_unsigned()) << 32,
        );
        self
    }

    /// `to = to OP value`.
    pub(crate) fn alu(&mut self, op: Alu, to: Reg, value: i32) -> &mut Self {
        self.emit(0x07 | op as u8, to as u8, 0, 0, value)
    }

    /// `to = to OP from`.
    pub(crate) fn alu_reg(&mut self, op: Alu, to: Reg, from: Reg) -> &mut Self {
        self.emit(0x0f | op as u8, to as u8, from as u8, 0, 0)
    }

    /// `to = value`.
    pub(crate) fn set(&mut self, to: Reg, value: i32) -> &mut Self {
        self.alu(Alu::Move, to, value)
    }

    /// `to = from`.
    pub(crate) fn copy(&mut self, to: Reg, from: Reg) -> &mut Self {
        self.alu_reg(Alu::Move, to, from)
    }

    /// `to = from + offset`.
    pub(crate) fn address(&mut self, to: Reg, from: Reg, offset: i32) -> &mut Self {
        self.copy(to, from).alu(Alu::Add, to, offset)
    }

    /// `to = value`, of 64 bits.
    pub(crate) fn set_wide(&mut self, to: Reg, value: u64) -> &mut Self {
        let (low, high) = (value as u32, (value >> 32) as u32);
        self.emit(0x18, to as u8, 0, 0, low.cast_signed()).emit(0, 0, 0, 0, high.cast_signed())
    }

    /// `to = the map with descriptor fd`.
    pub(crate) fn map(&mut self, to: Reg, fd: i32) -> &mut Self {
        self.emit(0x18, to as u8, 1, 0, fd).emit(0, 0, 0, 0, 0)
    }

    /// `to = *(from + offset)`.
    pub(crate) fn load(&mut self, size: Size, to: Reg, from: Reg, offset: i16) -> &mut Self {
        self.emit(0x61 | size as u8, to as u8, from as u8, offset, 0)
    }

    /// `*(to + offset) = from`.
    pub(crate) fn store(&mut self, size: Size, to: Reg, offset: i16, from: Reg) -> &mut Self {
        self.emit(0x63 | size as u8, to as u8, from as u8, offset, 0)
    }

    /// `*(to + offset) = value`.
    pub(crate) fn store_value(
        &mut self,
        size: Size,
        to: Reg,
        offset: i16,
        value: i32,
    ) -> &mut Self {
        self.emit(0x62 | size as u8, to as u8, 0, offset, value)
    }

    /// `*(to + offset) += from`, for all processors at once.
    pub(crate) fn add_atomic(&mut self, to: Reg, offset: i16, from: Reg) -> &mut Self {
        self.emit(0xdb, to as u8, from as u8, offset, 0)
    }

    /// Swaps the bytes of a half word in the network's order.
    pub(crate) fn swap_half(&mut self, to: Reg) -> &mut Self {
        self.emit(0xdc, to as u8, 0, 0, 16)
    }

    /// Jumps to `label` when `left` compares with `value`.
    pub(crate) fn jump(&mut self, when: When, left: Reg, value: i32, label: Label) -> &mut Self {
        self.jumps.push((self.code.len(), label));
        self.emit(0x05 | when as u8, left as u8, 0, 0, value)
    }

    /// Jumps to `label` when `left` compares with `right`.
    pub(crate) fn jump_reg(
        &mut self,
        when: When,
        left: Reg,
        right: Reg,
        label: Label,
    ) -> &mut Self {
        self.jumps.push((self.code.len(), label));
        self.emit(0x0d | when as u8, left as u8, right as u8, 0, 0)
    }

    /// Jumps to `label`.
    pub(crate) fn go(&mut self, label: Label) -> &mut Self {
        self.jumps.push((self.code.len(), label));
        self.emit(0x05, 0, 0, 0, 0)
    }

    /// Calls a function of the kernel; its result is in R0, and R1 to R5 are gone.
    pub(crate) fn call(&mut self, helper: Helper) -> &mut Self {
        self.emit(0x85, 0, 0, 0, helper as i32)
    }

    /// Returns R0.
    pub(crate) fn exit(&mut self) -> &mut Self {
        self.emit(0x95, 0, 0, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodings as RFC 9669 gives them: opcode, registers, offset, immediate.
    #[test]
    fn instructions_are_encoded_as_the_specification_says() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.set(Reg::R0, 1)
            .jump(When::Equal, Reg::R0, 1, end)
            .load(Size::Word, Reg::R1, Reg::R6, 4)
            .store(Size::Double, Reg::Fp, -8, Reg::R1)
            .call(Helper::BootTime)
            .place(end)
            .exit();
        let expected: [u64; 6] = [
            0x0000_0001_0000_00b7,
            0x0000_0001_0003_0015,
            0x0000_0000_0004_6161,
            0x0000_0000_fff8_1a7b,
            0x0000_007d_0000_0085,
            0x0000_0000_0000_0095,
        ];
        assert_eq!(asm.finish(), expected);
    }
}
