// Command deploy_constants puts detector calibration constants into the calib
// directories of LCLS experiments.
package main

import (
	"context"
	"os"

	"deployconstants/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), cli.System(), os.Args[1:]))
}
