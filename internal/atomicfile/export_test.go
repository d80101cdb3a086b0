package atomicfile

import (
	"context"
	"os"
)

// What the tests need to put another system below the operations.

var (
	PublishOn   = publish
	MkdirAllOn  = mkdirAll
	RenameNewOn = renameNew
)

// AppendLineOn is AppendLine on another system.
func AppendLineOn(ctx context.Context, sys System, root *os.Root, name, line string, o Options) error {
	return appendLines(ctx, sys, root, name, []string{line}, o)
}
