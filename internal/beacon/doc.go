// Package beacon is what monitoring sees of a sweep: a heartbeat file while it runs
// and afterwards, and metrics for Prometheus when it has ended.
//
//	heart, err := beacon.Start(state.Heartbeat(), beacon.HeartbeatOptions{})
//	...
//	err = heart.Beat("scan", map[string]int64{"experiments": 120})
//	...
//	err = heart.End(nil)
//	err = beacon.Sweep{LastSuccess: heart.LastSuccess(), Experiments: 300}.Publish(state.Metrics())
//
// # Heartbeat
//
// One JSON object and a newline; fields are only ever added:
//
//	field         type    meaning
//	state         string  "running", "done" or "failed"
//	pid, host             the process; on that host kill -0 tells if it is still there
//	started       string  RFC 3339, UTC
//	updated       string  RFC 3339, UTC; "running" and much older than Interval: it hangs or died
//	stage         string  what it is doing, or did last
//	counts        object  numbers by name
//	last_success  string  RFC 3339, UTC; end of the last sweep that was done, this one or an earlier; absent: never
//	message       string  one line: why it failed; absent otherwise
//
// # Metrics
//
// Prometheus' text exposition format 0.0.4, for node_exporter's textfile collector.
// All are gauges that describe the last sweep; names begin with deploy_constants_sweep_:
//
//	last_success_timestamp_seconds  end of the last sweep that was done; absent: never
//	duration_seconds                how long the sweep took
//	experiments                     experiments looked at
//	runs_known, runs_new            runs in the ledger; those read for the first time
//	runs_failed                     runs that could not be read
//	targets{action="..."}           targets of the plan by action
//	changes, failures, drift        targets changed; items that failed; deployed files that are not as intended
//	bytes_published                 of constants
//	exit_status                     of the sweep
//
// # Guarantees and limits
//
// Both files are replaced whole (package atomicfile), so a reader never sees a part
// of one, and keep the mode and group that a site gave them; new ones are 0644.
// Nothing here is needed for a sweep to be right: its caller reports errors and goes
// on. One process writes a file at a time; the sweep's lock sees to that.
package beacon
