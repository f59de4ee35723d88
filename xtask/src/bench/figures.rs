//! The figures of a run: what was seen in each round on each lane, their medians, and the ratios of rounds. It does not
//! know how anything was measured.

use serde_json::{Value, json};

/// Names of figures are padded to this width in the table.
const NAME_WIDTH: usize = 50;
/// And cells to these.
const CELL_WIDTH: usize = 11;
const RATIO_WIDTH: usize = 8;

/// Every figure of a run.
pub struct Figures {
    lanes: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    /// For each lane, the values of its rounds.
    rounds: Vec<Vec<f64>>,
}

/// The lane that all others are compared with.
pub const NGINX: usize = 1;
/// The lane without anything between.
pub const DIRECT: usize = 0;

impl Figures {
    /// None yet, for lanes of these names: first direct, then nginx.
    pub fn of(lanes: Vec<String>) -> Self {
        Self { lanes, rows: vec![] }
    }

    /// What was seen in one round. Figures keep the order in which they first came.
    pub fn add(&mut self, name: &'static str, lane: usize, value: f64) {
        let at = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row { name, rounds: vec![vec![]; self.lanes.len()] });
            self.rows.len() - 1
        });
        self.rows[at].rounds[lane].push(value);
    }

    /// The table as text: each lane with its ratios to nginx and to direct.
    pub fn table(&self) -> String {
        let mut text = format!("{:<NAME_WIDTH$}", "");
        for (at, lane) in self.lanes.iter().enumerate() {
            text += &format!("{lane:>CELL_WIDTH$}");
            for to in compared(at) {
                text += &format!("{:>RATIO_WIDTH$}", format!("/{}", self.lanes[*to]));
            }
        }
        for row in &self.rows {
            text += &format!("\n{:<NAME_WIDTH$}", row.name);
            for (at, values) in row.rounds.iter().enumerate() {
                text += &format!("{:>CELL_WIDTH$}", shown(median(values)));
                for to in compared(at) {
                    text += &format!("{:>RATIO_WIDTH$}", shown(row.ratio(at, *to)));
                }
            }
        }
        text
    }

    /// The same with every round, for programs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let lanes = self.lanes.iter().enumerate().map(|(at, lane)| {
                let cell = json!({
                    "rounds": row.rounds[at],
                    "median": median(&row.rounds[at]),
                    "to_nginx": row.ratio(at, NGINX),
                    "to_direct": row.ratio(at, DIRECT),
                });
                (lane.clone(), cell)
            });
            json!({"figure": row.name, "lanes": lanes.collect::<serde_json::Map<_, _>>()})
        });
        rows.collect()
    }
}

/// What a lane is compared with in the table.
fn compared(lane: usize) -> &'static [usize] {
    match lane {
        DIRECT => &[],
        NGINX => &[DIRECT],
        _ => &[NGINX, DIRECT],
    }
}

impl Row {
    /// The median of the ratios of the rounds, so that a machine that is slower for a while weighs on both; of the
    /// medians where the rounds are not as many.
    fn ratio(&self, lane: usize, to: usize) -> f64 {
        let (over, under) = (&self.rounds[lane], &self.rounds[to]);
        if over.len() != under.len() {
            return ratio(median(over), median(under));
        }
        median(&over.iter().zip(under).map(|(over, under)| ratio(*over, *under)).collect::<Vec<_>>())
    }
}

/// What is compared with nothing, or with a difference that noise made negative, is no number.
fn ratio(over: f64, under: f64) -> f64 {
    if under > 0.0 && over >= 0.0 { over / under } else { f64::NAN }
}

/// The middle value, or the mean of the two in the middle; not a number when there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        None => f64::NAN,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[middle - 1], *upper),
    }
}

/// Three digits that count; a dash for what is no number.
fn shown(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures::of(["direct", "nginx", "portcullis"].map(str::to_owned).to_vec())
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[5.0, f64::NAN]), 5.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let mut figures = figures();
        // In the second round the machine was half as fast: the ratio is 2 all the same.
        for (nginx, ours) in [(10.0, 20.0), (20.0, 40.0), (10.0, 22.0)] {
            figures.add("CPU", 1, nginx);
            figures.add("CPU", 2, ours);
        }
        assert_eq!(figures.rows[0].ratio(2, NGINX), 2.0);
        assert!(figures.rows[0].ratio(2, DIRECT).is_nan());
    }

    #[test]
    fn differences_that_noise_made_negative_are_not_compared() {
        for (over, under) in [(-0.1, 0.2), (0.1, -0.2), (0.1, 0.0)] {
            assert!(ratio(over, under).is_nan());
        }
        assert_eq!(ratio(0.0, 0.2), 0.0);
    }

    #[test]
    fn rounds_that_do_not_pair_are_compared_by_their_medians() {
        let mut figures = figures();
        for value in [1.0, 2.0, 3.0] {
            figures.add("size", 1, value);
        }
        figures.add("size", 2, 8.0);
        assert_eq!(figures.rows[0].ratio(2, NGINX), 4.0);
    }

    #[test]
    fn the_table_has_a_line_for_each_figure_and_a_dash_for_what_is_not_there() {
        let mut figures = figures();
        figures.add("CPU", 1, 10.0);
        figures.add("CPU", 2, 12.5);
        figures.add("size", 2, 1_234.0);
        let table = figures.table();
        let words = |line: usize| table.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(words(0), ["direct", "nginx", "/direct", "portcullis", "/nginx", "/direct"]);
        assert_eq!(words(1), ["CPU", "-", "10.0", "-", "12.5", "1.25", "-"]);
        assert_eq!(words(2), ["size", "-", "-", "-", "1234", "-", "-"]);
    }
}
