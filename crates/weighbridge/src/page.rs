//! [`reflow`]: pages of Markdown for a terminal of any width.

/// Joins the lines of each paragraph and list item and breaks them anew at `width` columns. Headings, tables
/// and code stay as they are.
pub fn reflow(page: &str, width: usize) -> String {
    let mut out = String::new();
    let mut paragraph = Paragraph::default();
    let mut code = false;
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        if code || fence || is_fixed(line) {
            paragraph.finish(width, &mut out);
            out.push_str(line);
            out.push('\n');
        } else {
            if is_item(line) {
                paragraph.finish(width, &mut out);
            }
            paragraph.add(line);
        }
        code ^= fence;
    }
    paragraph.finish(width, &mut out);
    out
}

/// Lines that mean something by where they end.
fn is_fixed(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with(['#', '|', '>']) || line.starts_with("    ")
}

fn is_item(line: &str) -> bool {
    let text = line.trim_start();
    let number = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    text.starts_with("- ")
        || text.starts_with("* ")
        || (number.len() < text.len() && number.starts_with(". "))
}

/// A paragraph or list item, as it is gathered.
#[derive(Default)]
struct Paragraph {
    words: Vec<String>,
    /// Blanks before the first line and before the others.
    indents: (usize, usize),
}

impl Paragraph {
    fn add(&mut self, line: &str) {
        if self.words.is_empty() {
            let first = line.len() - line.trim_start().len();
            let marker =
                if is_item(line) { line.trim_start().find(' ').unwrap_or(0) + 1 } else { 0 };
            self.indents = (first, first + marker);
        }
        self.words.extend(line.split_whitespace().map(str::to_owned));
    }

    fn finish(&mut self, width: usize, out: &mut String) {
        let mut column = 0;
        for (position, word) in std::mem::take(&mut self.words).into_iter().enumerate() {
            let length = word.chars().count();
            if position == 0 {
                out.push_str(&" ".repeat(self.indents.0));
                column = self.indents.0;
            } else if column + 1 + length > width {
                out.push('\n');
                out.push_str(&" ".repeat(self.indents.1));
                column = self.indents.1;
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(&word);
            column += length;
        }
        if column > 0 {
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_broken_anew_and_nothing_else_is() {
        let page = "# A heading that is long\n\none two\nthree four\n\n- five six seven\n  eight\n- nine\n\n\
                    ```text\nsome code   here that is long\n```\n| a | table row |\n";
        assert_eq!(
            reflow(page, 12),
            "# A heading that is long\n\none two\nthree four\n\n- five six\n  seven\n  eight\n- nine\n\n\
             ```text\nsome code   here that is long\n```\n| a | table row |\n"
        );
        assert_eq!(reflow("one two\nthree four\n", 20), "one two three four\n");
    }
}
