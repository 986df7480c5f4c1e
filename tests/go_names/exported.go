// Lists every exported name of the packages of Go that gort has counterparts of, one a line:
//
//	go run tests/go_names/exported.go SYNC >tests/go_names/exported.txt
//
// where SYNC is a checkout of golang.org/x/sync.
//
// The words and forms of the language itself stand first; no package lists them.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

var language = []string{
	"go", "chan T", "chan<- T", "<-chan T", "nil channel", "make(chan T)", "make(chan T, n)", "ch <- v", "<-ch", "v, ok := <-ch",
	"for range ch", "close", "len", "cap", "==", "select", "case <-ch", "case ch <- v", "default", "select {}", "break",
	"defer", "panic", "recover", "func main",
}

// Of each package, what belongs to concurrency.
var packages = []struct{ path, names string }{
	{"sync", `.`},
	{"context", `.`},
	{"golang.org/x/sync/errgroup", `.`},
	{"golang.org/x/sync/semaphore", `.`},
	{"golang.org/x/sync/singleflight", `.`},
	{"golang.org/x/sync/syncmap", `.`},
	{"os/signal", `.`},
	{"time", `^(After|AfterFunc|NewTicker|NewTimer|Sleep|Tick|Ticker|Timer)\b`},
	{"runtime", `^(GOMAXPROCS|SetDefaultGOMAXPROCS|Goexit|Gosched|GoroutineProfile|LockOSThread|NumCPU|NumGoroutine|Stack|UnlockOSThread)\b`},
	{"runtime/debug", `^(PrintStack|SetMaxStack|SetMaxThreads|Stack)\b`},
	{"reflect", `^(Select|SelectCase|SelectDefault|SelectDir|SelectRecv|SelectSend)\b`},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("give a checkout of golang.org/x/sync")
	}
	checkout := os.Args[1]
	fmt.Printf("# %s, golang.org/x/sync of %s. Written by exported.go.\n", runtime.Version(), output("git", "-C", checkout, "log", "-1", "--format=%cs (%h)"))
	for _, name := range language {
		fmt.Println(name)
	}
	goroot := output("go", "env", "GOROOT")
	for _, p := range packages {
		dir := goroot + "/src/" + p.path
		if inside, ok := strings.CutPrefix(p.path, "golang.org/x/sync/"); ok {
			dir = checkout + "/" + inside
		}
		wanted := regexp.MustCompile(p.names)
		for _, name := range exported(dir, p.path) {
			if wanted.MatchString(name) {
				fmt.Println(path.Base(p.path) + "." + name)
			}
		}
	}
}

func output(command string, args ...string) string {
	out, err := exec.Command(command, args...).Output()
	if err != nil {
		log.Fatal(command, ": ", err)
	}
	return string(bytes.TrimSpace(out))
}

// exported is every exported name of a package, sorted: functions, types, constants and variables, and of each type its fields and
// methods.
func exported(dir, path string) []string {
	parsed, err := build.ImportDir(dir, 0)
	if err != nil {
		log.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range parsed.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			log.Fatal(err)
		}
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(set, files, path)
	if err != nil {
		log.Fatal(err)
	}
	names := map[string]bool{}
	values := func(groups []*doc.Value) {
		for _, group := range groups {
			for _, name := range group.Names {
				names[name] = token.IsExported(name)
			}
		}
	}
	functions := func(prefix string, functions []*doc.Func) {
		for _, f := range functions {
			names[prefix+f.Name] = true
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions("", p.Funcs)
	for _, t := range p.Types {
		names[t.Name] = true
		values(t.Consts)
		values(t.Vars)
		functions("", t.Funcs)
		functions(t.Name+".", t.Methods)
		for _, member := range members(t) {
			names[t.Name+"."+member] = token.IsExported(member)
		}
	}
	maps.DeleteFunc(names, func(_ string, exported bool) bool { return !exported })
	return slices.Sorted(maps.Keys(names))
}

// members are the fields of a struct, or the methods of an interface.
func members(t *doc.Type) (names []string) {
	var fields *ast.FieldList
	switch t := t.Decl.Specs[0].(*ast.TypeSpec).Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return nil
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}
