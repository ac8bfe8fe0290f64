package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// law is the architecture: what each package may import inside the module. Arrows only go down; siblings never meet but
// where the house is wired. A package that is not here does not belong to the house.
var law = map[string][]string{
	"":    {}, // assets: what is built in
	"api": {"internal/caldicott", "internal/caldicott/vocabulary"},

	// The domain: the standard library and itself.
	"internal/caldicott":                     {"internal/caldicott/vocabulary"},
	"internal/caldicott/vocabulary":          {},
	"internal/caldicott/vocabulary/generate": {},

	// The deeds.
	"internal/casework": {"internal/caldicott", "internal/caldicott/vocabulary"},

	// Siblings: each knows the domain, none knows another.
	"internal/access":   {"internal/caldicott", "internal/caldicott/vocabulary"},
	"internal/audit":    {"internal/caldicott"},
	"internal/auditdb":  {"internal/audit", "internal/caldicott"}, // audit's own narrow interface, in SQL: the one exception
	"internal/calendar": {"internal/caldicott"},
	"internal/identity": {"internal/caldicott"},
	"internal/issuer":   {},
	"internal/pgembed":  {},
	"internal/postgres": {"internal/caldicott", "internal/caldicott/vocabulary"},
	"internal/textfold": {},
	"internal/notify":   {},
	"internal/vault":    {},
	"internal/clamd":    {},
	"internal/jobs":     {},
	"internal/courier":  {"internal/caldicott", "internal/caldicott/vocabulary", "internal/notify"}, // notify is the wire that it sends by

	// The sealed log: its arithmetic, who seals and signs it, and how it is kept.
	"internal/merkle":      {},
	"internal/receipt":     {"internal/merkle"},                   // its hash
	"internal/certificate": {"internal/audit", "internal/merkle"}, // an entry, and the proof of it
	"internal/durable":     {},
	"internal/witness":     {"internal/durable", "internal/merkle"},
	"internal/notary":      {"internal/durable", "internal/merkle", "internal/witness"}, // the witness's protocol, to push what is signed
	"internal/notarydb":    {"internal/merkle", "internal/notary"},                      // the notary's own narrow interfaces, in SQL
	"internal/logdir":      {"internal/audit", "internal/merkle"},                       // the log as a directory; how rows are called is audit's
	"internal/anchor":      {"internal/durable", "internal/merkle"},

	"internal/evidence": {"internal/merkle"}, // packs that prove themselves

	"internal/export": {"internal/audit", "internal/caldicott", "internal/caldicott/vocabulary"}, // the forms in which entries are taken away

	"internal/controls": {"internal/caldicott"}, // the auditors' questions, in SQL over views of codes

	"internal/reference": {}, // the page at /docs

	// What people meet.
	"internal/rest":   {"api", "internal/caldicott", "internal/caldicott/vocabulary", "internal/casework", "internal/export", "internal/merkle", "internal/notary", "internal/receipt", "internal/certificate", "internal/evidence"},
	"internal/server": {"internal/reference", "api", "internal/caldicott", "internal/casework", "internal/identity", "internal/rest"},

	// Who wires: the house, its rehearsals and its command.
	"internal/house": {"", "internal/access", "internal/audit", "internal/caldicott", "internal/caldicott/vocabulary", "internal/evidence",
		"internal/calendar", "internal/postgres", "internal/textfold"},
	"internal/rehearse": {"api", "internal/caldicott", "internal/caldicott/vocabulary", "internal/casework"},
	"cmd/caldicott":     {anything},

	// For tests.
	"internal/attackbook": {},
	"internal/housetest": {"internal/caldicott", "internal/caldicott/vocabulary", "internal/casework", "internal/house", "internal/notary", "internal/notarydb", "internal/pgtest",
		"internal/postgres", "internal/rehearse", "internal/witness"},
	"internal/pgtest":     {"internal/pgembed"},
	"internal/pgtest/run": {"internal/pgembed"},
	"internal/benchtest":  {},
	"internal/endure":     {anything}, // wires a whole service, to kill it
}

// anything may be imported by the command, which nobody knows, and by what wires a whole service for a test.
const anything = "*"

// forTests is what tests may import besides: they may wire a house.
var forTests = []string{
	"", "api", "internal/access", "internal/audit", "internal/caldicott", "internal/caldicott/vocabulary", "internal/calendar", "internal/casework",
	"internal/house", "internal/housetest", "internal/identity", "internal/issuer", "internal/pgembed", "internal/pgtest", "internal/postgres",
	"internal/rehearse", "internal/rest", "internal/server", "internal/textfold", "internal/auditdb",
	"internal/notify", "internal/vault", "internal/clamd", "internal/jobs", "internal/courier",
	"internal/merkle", "internal/notary", "internal/notarydb", "internal/durable", "internal/witness", "internal/anchor", "internal/export", "internal/controls", "internal/receipt", "internal/certificate", "internal/benchtest", "internal/logdir", "internal/evidence",
}

const module = "github.com/caldicott/caldicott"

// file is a Go file with what it imports.
type file struct {
	pkg     string // the folder, "" at the root
	name    string
	test    bool
	imports []string
}

// house reads every Go file of the module, whatever it is built for.
func house(t *testing.T) []file {
	t.Helper()
	var files []file
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{pkg: strings.TrimPrefix(path.Dir(name), "."), name: name, test: strings.HasSuffix(name, "_test.go")}
		for _, i := range parsed.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// inside gives the folder of an import of this module.
func inside(imported string) (string, bool) {
	if imported == module {
		return "", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func TestEveryPackageImportsOnlyWhatTheArchitectureAllows(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		allowed, known := law[f.pkg]
		if !known && f.pkg != "internal" { // this test's own folder
			t.Errorf("%s: package %q is not in the architecture; if it belongs to the house, say in internal/imports_test.go what it may import", f.name, f.pkg)
			continue
		}
		if f.test {
			allowed = slices.Concat(allowed, forTests)
		}
		for _, imported := range f.imports {
			folder, ours := inside(imported)
			if ours && folder != f.pkg && !slices.Contains(allowed, folder) && !slices.Contains(allowed, anything) {
				t.Errorf("%s imports %s, which the architecture does not allow", f.name, folder)
			}
		}
	}
}

// The rules outlive frameworks.
func TestTheDomainImportsTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, f := range house(t) {
		if f.test || f.pkg != "internal/caldicott" && !strings.HasPrefix(f.pkg, "internal/caldicott/") {
			continue
		}
		for _, imported := range f.imports {
			first, _, _ := strings.Cut(imported, "/")
			if _, ours := inside(imported); !ours && strings.Contains(first, ".") {
				t.Errorf("%s imports %s: the domain imports the standard library and itself", f.name, imported)
			}
		}
	}
}

// Only one room speaks SQL for the house's cases, one for the trail's readers, one for the log and one for auditors; database
// drivers stay with them, with the server that is brought up, and with tests.
func TestOnlyTheRoomsThatSpeakSQLImportADriver(t *testing.T) {
	t.Parallel()
	rooms := []string{"internal/postgres", "internal/auditdb", "internal/notarydb", "internal/controls", "internal/pgembed", "internal/pgtest", "cmd/caldicott"} // the last wires
	for _, f := range house(t) {
		if f.test || slices.Contains(rooms, f.pkg) {
			continue
		}
		for _, imported := range f.imports {
			if imported == "database/sql" || strings.HasPrefix(imported, "github.com/lib/pq") || strings.HasPrefix(imported, "github.com/jmoiron/sqlx") {
				t.Errorf("%s imports %s: postgres is the only room that speaks SQL", f.name, imported)
			}
		}
	}
}

// The table itself: it names only folders that it knows, nobody imports the command or what is for tests, siblings are
// apart, and there is no way round in a circle.
func TestTheArchitectureHoldsTogether(t *testing.T) {
	t.Parallel()
	siblings := []string{
		"internal/postgres", "internal/access", "internal/identity", "internal/audit", "internal/auditdb", "internal/issuer",
		"internal/calendar", "internal/textfold",
	}
	private := []string{"cmd/caldicott", "internal/benchtest", "internal/housetest", "internal/pgtest", "internal/pgtest/run"}
	for pkg, allowed := range law {
		for _, other := range allowed {
			if _, known := law[other]; !known && other != anything {
				t.Errorf("%s may import %s, which is not in the architecture", pkg, other)
			}
			if slices.Contains(siblings, pkg) && slices.Contains(siblings, other) && !(pkg == "internal/auditdb" && other == "internal/audit") {
				t.Errorf("%s and %s are siblings and never meet", pkg, other)
			}
			if slices.Contains(private, other) && !slices.Contains(private, pkg) {
				t.Errorf("%s imports %s, which nobody but tests may", pkg, other)
			}
		}
		if circular(pkg, pkg, map[string]bool{}) {
			t.Errorf("%s imports itself in a circle", pkg)
		}
	}
}

func circular(from, pkg string, seen map[string]bool) bool {
	for _, next := range law[pkg] {
		if next == from {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if circular(from, next, seen) {
				return true
			}
		}
	}
	return false
}

// Every package says in one sentence what it is.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, f := range house(t) {
		if f.test {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(f.name)), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := said[f.pkg]; !ok {
			said[f.pkg] = ""
		}
		if parsed.Doc != nil {
			said[f.pkg] += parsed.Doc.Text()
		}
	}
	for pkg, sentence := range said {
		if strings.TrimSpace(sentence) == "" {
			t.Errorf("package %q has no package comment", pkg)
		}
	}
}
