//! A small plot as SVG: two logarithmic axes, some series of points joined by lines.
//!
//! Logarithmic, because what grows in proportion is a line of slope one there, whatever its factor is.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;
/// Of the series, in their order; told apart in print and by most eyes.
const COLOURS: [&str; 4] = ["#0b6e99", "#c25b00", "#4a7a1e", "#7a3d8f"];

/// Points of one kind.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What is shown.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    /// Names with their units.
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) series: Vec<Series>,
}

/// One axis: from and to are powers of ten.
struct Axis {
    from: i32,
    to: i32,
    begin: f64,
    end: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Axis {
        let most = values.clone().fold(1e-6, f64::max);
        let least = values.fold(most, f64::min).max(1e-6);
        let from = (least.log10() + 1e-9).floor() as i32;
        let to = ((most.log10() - 1e-9).ceil() as i32).max(from + 1);
        Axis { from, to, begin, end }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(1e-6).log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        self.begin + share * (self.end - self.begin)
    }

    /// Whole powers of ten, and what lies between them where there are few.
    fn ticks(&self) -> Vec<f64> {
        let between: &[f64] = if self.to - self.from <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all = (self.from..=self.to).flat_map(|power| between.iter().map(move |one| one * 10f64.powi(power)));
        all.filter(|tick| *tick <= 10f64.powi(self.to) * 1.001).collect()
    }
}

impl Plot {
    pub(crate) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let xs: Vec<f64> = points().map(|point| point.0).collect();
        let ys: Vec<f64> = points().map(|point| point.1).collect();
        let x = Axis::of(xs.iter().copied(), LEFT, WIDTH - RIGHT);
        let y = Axis::of(ys.iter().copied(), HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            self.title
        );
        let mut text = |at: (f64, f64), anchor: &str, size: u32, rest: &str, text: &str| {
            let (left, top) = at;
            let _ = writeln!(
                svg,
                "<text x=\"{left:.1}\" y=\"{top:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"#222222\"{rest}>{text}</text>"
            );
        };
        text((LEFT, 24.0), "start", 15, " font-weight=\"bold\"", self.title);
        text(((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14.0), "middle", 12, "", self.x);
        let turned = format!(" transform=\"rotate(-90 18 {:.1})\"", (TOP + HEIGHT - BOTTOM) / 2.0);
        text((18.0, (TOP + HEIGHT - BOTTOM) / 2.0), "middle", 12, &turned, self.y);
        for tick in x.ticks() {
            text((x.at(tick), HEIGHT - BOTTOM + 18.0), "middle", 11, "", &number(tick));
        }
        for tick in y.ticks() {
            text((LEFT - 8.0, y.at(tick) + 4.0), "end", 11, "", &number(tick));
        }
        // Names stand beside the last point of their series, and make room for each other.
        let mut places: Vec<(usize, f64)> = self
            .series
            .iter()
            .enumerate()
            .filter_map(|(at, series)| Some((at, y.at(series.points.last()?.1))))
            .collect();
        places.sort_by(|a, b| a.1.total_cmp(&b.1));
        for at in 1..places.len() {
            places[at].1 = places[at].1.max(places[at - 1].1 + 15.0);
        }
        for (at, top) in &places {
            let fill = format!(" style=\"fill:{}\"", COLOURS[at % COLOURS.len()]);
            text((WIDTH - RIGHT + 10.0, top + 4.0), "start", 12, &fill, self.series[*at].name);
        }
        for tick in x.ticks() {
            line(&mut svg, (x.at(tick), TOP), (x.at(tick), HEIGHT - BOTTOM));
        }
        for tick in y.ticks() {
            line(&mut svg, (LEFT, y.at(tick)), (WIDTH - RIGHT, y.at(tick)));
        }
        for (at, series) in self.series.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let way: Vec<String> =
                series.points.iter().map(|point| format!("{:.1},{:.1}", x.at(point.0), y.at(point.1))).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                way.join(" ")
            );
            for point in &series.points {
                let (left, top) = (x.at(point.0), y.at(point.1));
                let _ = writeln!(svg, "<circle cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// `1,000` and `0.01`.
fn number(value: f64) -> String {
    if value < 1.0 {
        let digits = (-value.log10()).ceil().max(1.0) as usize;
        return format!("{value:.digits$}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
