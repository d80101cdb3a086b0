package atomicfile

// What the tests need to put another system below the operations.

type System = system

var Host system = host{}

var (
	PublishOn    = publish
	MkdirAllOn   = mkdirAll
	AppendLineOn = appendLine
)
