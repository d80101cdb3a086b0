package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func completionCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "completion", ArgsUsage: "bash|zsh|fish", Usage: "print what makes a shell complete commands and options",
		Description: "The script is complete in itself: it never runs deploy_constants.\n\n" +
			"Examples:\n" +
			"   deploy_constants completion bash > /etc/bash_completion.d/deploy_constants\n" +
			"   source <(deploy_constants completion zsh)\n" +
			"   deploy_constants completion fish > ~/.config/fish/completions/deploy_constants.fish\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line",
		Action: func(c *cli.Context) error {
			print, known := completions[c.Args().First()]
			if c.NArg() != 1 || !known {
				return usageErrorf("name one shell: bash, zsh, or fish")
			}
			_, err := io.WriteString(env.Stdout, print(completionWords(c.App)))
			return err
		},
	}
}

var completions = map[string]func([]completion) string{
	"bash": bashCompletion,
	"zsh": func(all []completion) string {
		return "autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion(all)
	},
	"fish": fishCompletion,
}

// completion is what may stand behind a command: "ledger show".
type completion struct {
	command string // "" for none
	words   []completionWord
}

type completionWord struct{ word, usage string }

// completionWords lists the commands, and for each its subcommands or options, in
// the order of the help.
func completionWords(app *cli.App) []completion {
	all := []completion{{words: wordsOf(app.Commands, app.Flags)}}
	for _, command := range app.Commands {
		all = append(all, completion{command.Name, wordsOf(command.Subcommands, command.Flags)})
		for _, sub := range command.Subcommands {
			all = append(all, completion{command.Name + " " + sub.Name, wordsOf(nil, sub.Flags)})
		}
	}
	return all
}

func wordsOf(commands []*cli.Command, flags []cli.Flag) []completionWord {
	var words []completionWord
	for _, command := range commands {
		if command.Name != "" {
			words = append(words, completionWord{command.Name, command.Usage})
		}
	}
	for _, flag := range flags {
		if name := flag.Names()[0]; len(name) > 1 && name != "help" {
			words = append(words, completionWord{"--" + name, flagUsage(flag)})
		}
	}
	return append(words, completionWord{"--help", "show the help"})
}

// bashCompletion offers words where there are any that fit, else files.
func bashCompletion(all []completion) string {
	var b strings.Builder
	b.WriteString("_deploy_constants() {\n" +
		"    local current=\"${COMP_WORDS[COMP_CWORD]}\" words\n" +
		"    case \"${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n")
	for i := len(all) - 1; i >= 0; i-- { // the longest command first
		pattern := "*"
		if c := all[i].command; c != "" {
			pattern = fmt.Sprintf("'%s '*", c)
		}
		words := make([]string, len(all[i].words))
		for j, w := range all[i].words {
			words[j] = w.word
		}
		fmt.Fprintf(&b, "    %s) words='%s' ;;\n", pattern, strings.Join(words, " "))
	}
	b.WriteString("    esac\n" +
		"    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n" +
		"}\n" +
		"complete -o default -F _deploy_constants deploy_constants\n")
	return b.String()
}

func fishCompletion(all []completion) string {
	var b strings.Builder
	for _, c := range all {
		condition := "__fish_use_subcommand"
		if c.command != "" {
			condition = "__fish_seen_subcommand_from " + strings.Join(strings.Fields(c.command), "; and __fish_seen_subcommand_from ")
		}
		for _, w := range c.words {
			argument := "-f -a " + w.word
			if name, long := strings.CutPrefix(w.word, "--"); long {
				argument = "-l " + name
			}
			fmt.Fprintf(&b, "complete -c deploy_constants -n '%s' %s -d %s\n", condition, argument, fishQuote(w.usage))
		}
	}
	return b.String()
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
