use crate::pickle::{Detail, Lifted, is_pickle, lift};
use wb_core::{Budget, Bytes, OpKind, Trigger};

fn effects(data: &[u8]) -> Lifted {
    lift(Bytes::new(data), Trigger::Load, Detail::Effects, &mut Budget::default())
}

fn imports(data: &[u8]) -> Vec<String> {
    let lifted = effects(data);
    let ops = lifted.programs.iter().flat_map(|program| &program.ops);
    ops.filter_map(|op| match &op.kind {
        OpKind::Import { module, name } => Some(format!("{module}.{name}")),
        _ => None,
    })
    .collect()
}

#[test]
fn a_direct_call_is_lifted() {
    let data = b"cos\nsystem\n(S'echo x'\ntR.";
    assert!(is_pickle(Bytes::new(data)));
    let lifted = effects(data);
    println!("{lifted:#?}");
    assert_eq!(imports(data), ["os.system"]);
    assert_eq!(lifted.programs[0].ops.len(), 4);
}
