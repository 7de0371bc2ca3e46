use super::*;
use crate::config::diagnostic::Severity;

fn read(text: &str) -> (Filebeat, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::new();
    let file = sources.add("filebeat.yml", text);
    let (filebeat, found) = parse(&sources, &[file], &[], "/usr/share/filebeat", &|_| None);
    (filebeat, found, sources)
}

#[test]
fn real() {
    let seed = std::fs::read_to_string("/work/shared/seed/filebeat.yml").unwrap();
    let (f, found, _) = read(&seed);
    println!("{f:#?}");
    assert!(found.is_empty(), "{found:#?}");
    let mut names: Vec<_> =
        std::fs::read_dir("/work/shared/conformance/real-filebeat").unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for p in names {
        if p.extension().unwrap() == "json" {
            continue;
        }
        let text = std::fs::read_to_string(&p).unwrap();
        let (_, found, sources) = read(&text);
        println!("=== {}", p.file_name().unwrap().to_str().unwrap());
        for d in found {
            let at = d
                .primary
                .as_ref()
                .map(|l| format!("{} {:?}", sources.locate(l.span), sources.text(l.span)))
                .unwrap_or_default();
            println!(
                "  {} [{}] {} @ {at} {:?}",
                if d.severity == Severity::Error { "ERROR" } else { "warn" },
                d.id,
                d.message,
                d.helps
            );
        }
    }
}
