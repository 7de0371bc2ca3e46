//! `alertmanager-api-v1`: an output posts to an Alertmanager interface that is gone.
//!
//! Alertmanager 0.27 removed `/api/v1/`; it answers 410 there. The http output of real Logstash 8 does not try a 410 again:
//! it writes one line into its log and drops the alert.

use super::facts::Facts;
use super::{CheckInput, attr};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::{Plugin, part_span};
use crate::config::source::Spanned;

pub(super) const REPAIR: &str =
    "logdrive repairs it (`alertmanager-api`): sends an array, to v2 when v1 answers 410; not with `--strict`";

/// The `url` of an http output that ends in the given path.
pub(super) fn alert_url(plugin: &Plugin, paths: &[&str], input: &CheckInput<'_>) -> Option<(Spanned<String>, usize)> {
    if plugin.name.value != "http" {
        return None;
    }
    let url = attr(plugin, "url", input)?;
    let text = url.value.scalar()?;
    let path = text.split(['?', '#']).next().unwrap_or("").trim_end_matches('/');
    let found = paths.iter().find(|p| path.ends_with(**p))?;
    let at = path.len() - found.len();
    Some((Spanned::new(text, url.span), at))
}

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for output in facts.outputs.iter().filter(|o| o.lane == 0) {
        const PATH: &str = "/api/v1/alerts";
        let Some((url, at)) = alert_url(&output.plugin, &[PATH], input) else { continue };
        let span = part_span(input.sources, url.span, &url.value, at..at + PATH.len());
        found.push(
            Diagnostic::fault("alertmanager-api-v1", "Alertmanager API v1 was removed in 0.27")
                .at(span, "answers 410 Gone on 0.27 and later")
                .note("real Logstash 8 does not try again after a 410: it drops the alert and logs one line")
                .note(REPAIR)
                .help("post to `/api/v2/alerts`, or use the output `alertmanager`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn only_the_old_path() {
        for (url, told) in [
            ("http://a:9093/api/v1/alerts", true),
            ("https://a/prefix/api/v1/alerts/", true),
            ("http://a:9093/api/v2/alerts", false),
            ("http://a:9093/api/v1/events", false),
        ] {
            let conf =
                format!("output {{ http {{ url => \"{url}\" http_method => \"post\" format => \"json_batch\" }} }}");
            let want: &[&str] = if told { &["alertmanager-api-v1"] } else { &[] };
            assert_eq!(ids(&conf), want, "{url}");
        }
    }
}
