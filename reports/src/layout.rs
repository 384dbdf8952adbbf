//! Text for a terminal: wrapping, columns and colors.
//!
//! Never: measures the terminal or asks whether it has colors; the caller says.

use paytwice_checkers::verdict::Verdict;

/// How a piece of text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// Good.
    Green,
    /// Undecided.
    Yellow,
    /// Bad.
    Red,
}

impl Paint {
    /// The color of a verdict.
    pub(crate) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Green,
            Verdict::Unknown => Self::Yellow,
            Verdict::Invalid => Self::Red,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "1;32",
            Self::Yellow => "1;33",
            Self::Red => "1;31",
        }
    }
}

/// The text, in color if `color`.
pub(crate) fn paint(text: &str, paint: Paint, color: bool) -> String {
    if !color || paint == Paint::Plain || text.is_empty() {
        return text.to_owned();
    }
    format!("\u{1b}[{}m{text}\u{1b}[0m", paint.code())
}

/// Lines of at most `columns` characters; the first begins with `first`, the others with `hang`. They break at spaces,
/// not at no-break spaces.
pub(crate) fn wrap(text: &str, columns: usize, first: &str, hang: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        loop {
            let gap = usize::from(!empty);
            let room = columns.saturating_sub(width(&line) + gap);
            if width(word) <= room {
                line.push_str(&" "[..gap]);
                line.push_str(word);
                empty = false;
                break;
            }
            if empty {
                // A word that is longer than a line is broken at the end of the line.
                let at = word.char_indices().nth(room.max(1)).map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..at]);
                word = &word[at..];
            }
            lines.push(std::mem::replace(&mut line, hang.to_owned()));
            empty = true;
            if word.is_empty() {
                break;
            }
        }
    }
    if !empty || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Characters; no output holds wide ones.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// The side that a column's text is aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<(String, Paint)>>,
}

impl Table {
    pub(crate) fn new(sides: &[Side]) -> Self {
        Self {
            sides: sides.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of painted cells.
    pub(crate) fn row(&mut self, cells: Vec<(String, Paint)>) {
        self.rows.push(cells);
    }

    /// The rows as lines. A last column of words is wrapped under itself at `columns`.
    pub(crate) fn lines(&self, indent: &str, columns: usize, color: bool) -> Vec<String> {
        let widths: Vec<usize> = (0..self.sides.len())
            .map(|c| {
                self.rows
                    .iter()
                    .filter_map(|r| r.get(c))
                    .map(|(text, _)| width(text))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        self.rows
            .iter()
            .flat_map(|row| self.row_lines(row, &widths, indent, columns, color))
            .collect()
    }

    fn row_lines(
        &self,
        row: &[(String, Paint)],
        widths: &[usize],
        indent: &str,
        columns: usize,
        color: bool,
    ) -> Vec<String> {
        let mut line = indent.to_owned();
        let mut used = width(indent);
        for (c, (text, look)) in row.iter().enumerate() {
            let pad = " ".repeat(widths[c] - width(text));
            let last = c + 1 == self.sides.len();
            if last && self.sides[c] == Side::Left {
                let hang = " ".repeat(used);
                let wrapped = wrap(text, columns, &hang, &hang);
                let tail = wrapped.iter().map(|l| paint(l.get(used..).unwrap_or(""), *look, color));
                return tail
                    .enumerate()
                    .map(|(n, t)| {
                        format!("{}{t}", if n == 0 { &line } else { &hang })
                            .trim_end()
                            .to_owned()
                    })
                    .collect();
            }
            let painted = paint(text, *look, color);
            match self.sides[c] {
                Side::Left => line.push_str(&format!("{painted}{pad}  ")),
                Side::Right => line.push_str(&format!("{pad}{painted}  ")),
            }
            used += widths[c] + 2;
        }
        vec![line.trim_end().to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_between_words_and_hangs() {
        assert_eq!(
            wrap("one two three four", 9, "", "  "),
            ["one two", "  three", "  four"]
        );
        assert_eq!(wrap("", 9, "> ", "  "), ["> "]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        assert_eq!(wrap("ab abcdefghij c", 6, "", " "), ["ab", " abcde", " fghij", " c"]);
        assert_eq!(wrap("abcdef", 6, "", ""), ["abcdef"]);
    }

    #[test]
    fn the_last_column_wraps_under_itself() {
        let mut table = Table::new(&[Side::Left, Side::Right, Side::Left]);
        table.row(vec![
            ("a".into(), Paint::Plain),
            ("10".into(), Paint::Plain),
            ("one two three".into(), Paint::Plain),
        ]);
        table.row(vec![
            ("bb".into(), Paint::Red),
            ("7".into(), Paint::Plain),
            (String::new(), Paint::Plain),
        ]);
        assert_eq!(
            table.lines(" ", 16, false),
            [" a   10  one two", "         three", " bb   7"]
        );
        assert_eq!(table.lines("", 30, true)[1], "\u{1b}[1;31mbb\u{1b}[0m   7");
    }
}
