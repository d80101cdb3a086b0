package slurmfake_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deployconstants/internal/slurmfake"
)

func Example() {
	dir, err := os.MkdirTemp("", "slurmfake-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	fake, err := slurmfake.New(filepath.Join(dir, "slurm"), slurmfake.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fake.Stop(ctx)

	s := site{env: fake.Env(), dir: dir}
	cmd := s.command(ctx, nil, "sbatch", "--parsable")
	cmd.Stdin = strings.NewReader("#!/bin/sh\n#SBATCH --array=0-1\n#SBATCH --job-name=two\n#SBATCH --output=/dev/null\nexit $SLURM_ARRAY_TASK_ID\n")
	id, err := cmd.Output()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("array %s", id)
	if err := fake.WaitIdle(ctx); err != nil {
		fmt.Println(err)
		return
	}
	rows, err := s.command(ctx, nil, "sacct", "-X", "-n", "-P", "--name=two", "-S", "now-1hour", "-o", "JobID,State,ExitCode").Output()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", rows)
	// Output:
	// array 1
	// 1_0|COMPLETED|0:0
	// 1_1|FAILED|1:0
}
