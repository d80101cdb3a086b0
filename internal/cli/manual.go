package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// manual is the help of a command or subcommand, in 100 columns: what it does, with
// examples and exit statuses, and its options.
func manual(command *cli.Command, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nusage:\n  %s\n", name, command.Usage, synopsis(command, name))
	if command.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", command.Description)
	}
	if len(command.Subcommands) > 0 {
		b.WriteString("\nSUBCOMMANDS:\n")
		for _, sub := range command.Subcommands {
			entry(&b, sub.Name, sub.Usage)
		}
		fmt.Fprintf(&b, "  %q shows the help of one.\n", name+" SUBCOMMAND -h")
		return b.String()
	}
	b.WriteString("\nOPTIONS:\n")
	for _, flag := range command.Flags {
		entry(&b, flagNames(flag), flagUsage(flag))
	}
	entry(&b, "-h, --help", "show this help and exit")
	return b.String()
}

func synopsis(command *cli.Command, name string) string {
	if len(command.Subcommands) > 0 {
		return name + " SUBCOMMAND [OPTIONS]"
	}
	return strings.TrimSpace(name + " [OPTIONS] " + command.ArgsUsage)
}

// entry writes a name, and text about it in a column of its own.
func entry(b *strings.Builder, name, text string) {
	const column, width = 26, 100
	line := "  " + name
	if len(line) > column-2 {
		b.WriteString(line + "\n")
		line = ""
	}
	line += strings.Repeat(" ", column-len(line))
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && len(line)+1+len(word) > width:
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", column)
		case i > 0:
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}

// flagNames are "-e, --experiment GLOB".
func flagNames(flag cli.Flag) string {
	var short, long []string
	for _, name := range flag.Names() {
		if len(name) == 1 {
			short = append(short, "-"+name)
		} else {
			long = append(long, "--"+name)
		}
	}
	names := strings.Join(append(short, long...), ", ")
	if placeholder := placeholderOf(flag); placeholder != "" {
		names += " " + placeholder
	}
	return names
}

// placeholderOf is what stands for the value of a flag: the word in backquotes in
// its usage; "" for a switch.
func placeholderOf(flag cli.Flag) string {
	_, rest, _ := strings.Cut(usageText(flag), "`")
	placeholder, _, _ := strings.Cut(rest, "`")
	return placeholder
}

func flagUsage(flag cli.Flag) string {
	text := strings.ReplaceAll(usageText(flag), "`", "")
	if f, ok := flag.(*cli.StringFlag); ok && f.Value != "" {
		text += "; default: " + f.Value
	}
	return text
}

func usageText(flag cli.Flag) string {
	if f, ok := flag.(cli.DocGenerationFlag); ok {
		return f.GetUsage()
	}
	return ""
}
