package caldicott

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// An action that is not among Recorded could not be looked for in the log.
func TestEveryActionThatIsNamedCanBeLookedFor(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"action.go", "event.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Action" {
				return true
			}
			for _, v := range spec.Values {
				word, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil || !slices.Contains(Recorded(), Action(word)) {
					t.Errorf("%s is not among Recorded: %v", word, err)
				}
			}
			return true
		})
	}
}
