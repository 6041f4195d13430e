//! A page in a real browser: headless Chromium, driven by its command line alone.
//!
//! The page lies in a frame of the wanted width (a window cannot be as narrow as a phone), and a script
//! beside it, not in it, writes down what there is to see.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a browser made of a page.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// The width that there is, and that the page takes.
    pub client: u32,
    pub scroll: u32,
    pub height: u32,
    pub background: String,
    pub text: String,
    /// Plots, the width of the narrowest, and strokes in them that still have a code for a color.
    pub plots: usize,
    pub narrowest: f64,
    pub uncolored: usize,
    /// Lines that the page has put on the console, errors among them.
    #[serde(skip)]
    pub console: Vec<String>,
}

const MEASURE: &str = r#"function measure(frame) {
  const page = frame.contentDocument, root = page.documentElement;
  const plots = [...page.querySelectorAll('svg.plot')];
  const code = /^rgb\(1, [0-3], \d+\)$/;
  const uncolored = [...page.querySelectorAll('svg.plot *')].filter(part => {
    const style = page.defaultView.getComputedStyle(part);
    return code.test(style.stroke) || code.test(style.fill);
  });
  document.getElementById('seen').textContent = JSON.stringify({
    client: root.clientWidth, scroll: root.scrollWidth, height: root.scrollHeight,
    background: page.defaultView.getComputedStyle(page.body).backgroundColor, text: page.body.innerText.slice(-4000),
    plots: plots.length, narrowest: Math.min(1e9, ...plots.map(plot => plot.getBoundingClientRect().width)),
    uncolored: uncolored.length,
  });
}"#;

/// Opens `page` in a window `width` pixels wide.
///
/// # Panics
/// No browser, or one that does not open the page: what is not looked at has not passed.
pub fn look(page: &str, width: u32, dark: bool) -> Seen {
    let directory = tempfile::tempdir().expect("a directory");
    let framed = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><script>{MEASURE}</script><pre id=\"seen\"></pre><iframe \
         onload=\"measure(this)\" style=\"width:{width}px;height:900px;border:0\" \
         srcdoc=\"{framed}\"></iframe>"
    );
    let path = directory.path().join("frame.html");
    std::fs::write(&path, frame).expect("written");
    let profile = directory.path().join("profile");
    std::fs::create_dir(&profile).expect("made");
    let mut command = Command::new(browser());
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]);
    command.args(["--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars"]);
    command.args(["--enable-logging=stderr", "--window-size=1400,1000", "--timeout=60000", "--dump-dom"]);
    // Blink's number for dark.
    command.args(dark.then_some("--blink-settings=preferredColorScheme=0"));
    command.arg(format!("--user-data-dir={}", profile.display())).arg(format!("file://{}", path.display()));
    let output = command.stdin(Stdio::null()).output().expect("the browser starts");
    let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut seen = seen_in(&dom).unwrap_or_else(|| {
        panic!("the browser has not opened the page\n{command:?}\n{}\n{said}\n{dom}", output.status)
    });
    seen.console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    seen
}

/// What the script wrote down, in the page's source.
pub fn seen_in(dom: &str) -> Option<Seen> {
    let (_, rest) = dom.split_once("<pre id=\"seen\">")?;
    let (json, _) = rest.split_once("</pre>")?;
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&json).ok()
}

fn browser() -> PathBuf {
    let names =
        ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chromium-headless-shell"];
    let places = std::env::var_os("PATH").unwrap_or_default();
    let on_the_path = |name: &str| std::env::split_paths(&places).map(|p| p.join(name)).find(|p| p.is_file());
    let named = std::env::var_os("VEILGRAD_BROWSER").map(PathBuf::from);
    let mac = Path::new("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    named
        .or_else(|| names.into_iter().find_map(on_the_path))
        .or_else(|| mac.is_file().then(|| mac.to_owned()))
        .expect(
            "this test looks at the report in a browser, and there is none: install Chromium (Debian: \
             apt-get install chromium; `make browser` does it) or Chrome, or name one in VEILGRAD_BROWSER",
        )
}
