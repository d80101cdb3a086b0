package cli_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/cli"
)

// output runs a command in this process, and returns what it prints on stdout.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs strings.Builder
	env := cli.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Dir: t.TempDir(),
		Getenv: func(string) string { return "" }, Now: time.Now,
		Account: func() string { return "tester" }, Host: func() string { return "host" },
	}
	if status := cli.Run(t.Context(), env, args); status != 0 {
		t.Fatalf("%q: exit status %d: %s", args, status, errs.String())
	}
	return out.String()
}

// section returns the names that a part of a help lists, from its heading to the
// next line that is not indented.
func section(help, heading string) []string {
	_, rest, _ := strings.Cut(help, "\n"+heading)
	_, rest, _ = strings.Cut(rest, "\n")
	var names []string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, " ") {
			break
		}
		if name := regexp.MustCompile(`^  ([a-z0-9]+) `).FindStringSubmatch(line); name != nil {
			names = append(names, name[1])
		}
	}
	return names
}

// commands are all commands and subcommands, as they are typed, by their helps.
func commands(t *testing.T) map[string]string {
	t.Helper()
	helps := map[string]string{}
	top := output(t, "-h")
	var names []string
	for _, heading := range []string{"COMMANDS for a whole", "COMMANDS for a Slurm", "OTHER COMMANDS"} {
		names = append(names, section(top, heading)...)
	}
	for _, name := range names {
		help := output(t, name, "-h")
		subcommands := section(help, "SUBCOMMANDS:")
		if len(subcommands) == 0 {
			helps[name] = help
		}
		for _, sub := range subcommands {
			helps[name+" "+sub] = output(t, name, sub, "-h")
		}
	}
	return helps
}

// TestHelp: every command has an example that calls it, its exit statuses, which are
// in the documented table, and lines that fit a wide terminal.
func TestHelp(t *testing.T) {
	table, err := os.ReadFile("../../docs/exit-status.md")
	if err != nil {
		t.Fatal(err)
	}
	helps := commands(t)
	if len(helps) < 36 {
		t.Fatalf("only %d commands are in the help", len(helps))
	}
	for name, help := range helps {
		if !regexp.MustCompile(`(?m)^Examples?:\n(   .*\n)*   .*deploy_constants ` + name).MatchString(help) {
			t.Errorf("%s: no example", name)
		}
		found := regexp.MustCompile(`(?m)^EXIT STATUS: (.*(?:\n   .*)*)$`).FindStringSubmatch(help)
		if found == nil {
			t.Errorf("%s: no exit statuses", name)
			continue
		}
		statuses := regexp.MustCompile(`(?:^|, |\n   )([0-9]+)(?:/([0-9]+))? `).FindAllStringSubmatch(found[1], -1)
		if len(statuses) < 3 || statuses[0][1] != "0" {
			t.Errorf("%s: exit statuses %q", name, found[1])
		}
		for _, status := range statuses {
			if !regexp.MustCompile(`(?m)^\| ([0-9]+, )?` + status[1] + `[ ,]`).Match(table) {
				t.Errorf("%s: exit status %s is not in docs/exit-status.md", name, status[1])
			}
		}
		for line := range strings.Lines(help) {
			if len(line) > 120 {
				t.Errorf("%s: long line: %s", name, line)
			}
		}
	}
}

// TestHelpOfFlags: what is called the same is explained the same, but for selections
// of different kinds; each has an explanation.
func TestHelpOfFlags(t *testing.T) {
	shared := []string{"--state", "--config", "--json", "--workers", "--progress", "--instrument", "--since", "--until", "--runs", "--help"}
	meanings := map[string]string{}
	for name, help := range commands(t) {
		_, options, found := strings.Cut(help, "\nOPTIONS:\n")
		if !found {
			t.Errorf("%s: no options", name)
		}
		for _, entry := range regexp.MustCompile(`(?m)^  -.*\n(?: {20}.*\n)*`).FindAllString(options, -1) {
			parts := regexp.MustCompile(`(?s)^  ((?:-., )?--[a-z0-9_-]+)(?: [A-Z][A-Z/0-9]*| 1/N)?\s{2,}(.+)$`).FindStringSubmatch(entry)
			if parts == nil {
				t.Errorf("%s: option without explanation: %q", name, entry)
				continue
			}
			long := parts[1][strings.Index(parts[1], "--"):]
			if old, known := meanings[long]; known && old != entry && slices.Contains(shared, long) {
				t.Errorf("%s: %s is explained in two ways:\n%s%s", name, long, old, entry)
			}
			meanings[long] = entry
		}
	}
	for _, long := range shared {
		if meanings[long] == "" {
			t.Errorf("no command has %s", long)
		}
	}
}

// TestCompletion: shells complete what the help has.
func TestCompletion(t *testing.T) {
	script := output(t, "completion", "bash")
	for name, help := range commands(t) {
		words := regexp.MustCompile(`(?m)^    '` + name + ` '\*\) words='(.*)' ;;$`).FindStringSubmatch(script)
		if words == nil {
			t.Errorf("nothing completes %s", name)
			continue
		}
		for _, option := range regexp.MustCompile(`(?m)^  (?:-., )?(--[a-z0-9_-]+)`).FindAllStringSubmatch(help, -1) {
			if !slices.Contains(strings.Fields(words[1]), option[1]) {
				t.Errorf("%s: %s is not completed", name, option[1])
			}
		}
	}
}
