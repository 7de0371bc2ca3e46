//! filebeat.yml: YAML to the typed configuration of the agent side.
pub mod ucfg;
