//! `alertmanager-single-object`: an http output posts one JSON object where Alertmanager wants an array.
//!
//! Both versions of the interface take a list of alerts only and answer 400 to anything else, which the http output of
//! real Logstash 8 does not try again. `format => "json"` (the default) posts an object an event, `json_batch` an array.

use super::alertmanager_api_v1::{REPAIR, alert_url};
use super::facts::Facts;
use super::{CheckInput, attr};
use crate::config::diagnostic::Diagnostic;

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for output in facts.outputs.iter().filter(|o| o.lane == 0) {
        let plugin = &output.plugin;
        let Some((url, _)) = alert_url(plugin, &["/api/v1/alerts", "/api/v2/alerts"], input) else { continue };
        let format = attr(plugin, "format", input);
        if format.as_ref().is_some_and(|f| f.value.scalar().is_none_or(|f| f != "json")) {
            continue;
        }
        let diag = Diagnostic::fault("alertmanager-single-object", "Alertmanager wants an array of alerts");
        let diag = match format {
            Some(format) => diag.at(format.span, "posts one object").with(url.span, "to Alertmanager"),
            None => diag.at(url.span, "the default `format => \"json\"` posts one object"),
        };
        found.push(
            diag.note("Alertmanager answers 400 to an object; real Logstash 8 does not try again after that: it drops the alert and logs one line")
                .note(REPAIR)
                .help("set `format => \"json_batch\"`, or use the output `alertmanager`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn only_single_objects_to_alertmanager() {
        for (url, format, told) in [
            ("http://a/api/v2/alerts", "format => \"json\"", true),
            ("http://a/api/v2/alerts", "", true),
            ("http://a/api/v2/alerts", "format => \"json_batch\"", false),
            ("http://a/api/v2/alerts", "format => \"message\" message => \"[%{message}]\"", false),
            ("http://a/hook", "format => \"json\"", false),
        ] {
            let conf = format!("output {{ http {{ url => \"{url}\" http_method => \"post\" {format} }} }}");
            let want: &[&str] = if told { &["alertmanager-single-object"] } else { &[] };
            assert_eq!(ids(&conf), want, "{url} {format}");
        }
    }
}
