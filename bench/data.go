package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dataAim is how much longer than hashing what was written it may take to pass
// it through steps.
const dataAim = 1.5

// consumers is through how many steps the data is passed.
const consumers = 5

// data measures what it costs to pass a large output through steps, beside one
// read of the bytes through the hash, in two ways. "bind": one step writes, and
// five steps one after another read it where it is. "copy": each of five
// steps writes all of it again.
func (b *bench) data(ctx context.Context) error {
	if err := b.pass(ctx, "bind", b.bound); err != nil {
		return err
	}
	return b.pass(ctx, "copy", b.copied)
}

// program is one step of a data measure. In line, IN and OUT stand for the files
// it reads and writes.
type program struct {
	name, line string
	from       string
	writes     bool
}

// bound is a step that writes and five that look at what it wrote.
func (b *bench) bound(salt int) []program {
	programs := []program{b.writer(salt)}
	for i := range consumers {
		programs = append(programs, program{name: fmt.Sprintf("read%d", i),
			line: fmt.Sprintf("test -s IN && : %d %d", salt, i), from: "write"})
	}
	return programs
}

// copied is a step that writes and four that each write it again, a line
// longer, so that no two outputs have the same bytes.
func (b *bench) copied(salt int) []program {
	programs := []program{b.writer(salt)}
	for i := range consumers - 1 {
		programs = append(programs, program{name: fmt.Sprintf("copy%d", i),
			line: fmt.Sprintf("cat IN > OUT && echo %d >> OUT", i), from: programs[i].name, writes: true})
	}
	return programs
}

// writer is a step that writes bytes that no other salt gives, as fast as the
// file system takes them.
func (b *bench) writer(salt int) program {
	const script = `import os, sys; block = os.urandom(1 << 20); out = open(sys.argv[1], "wb"); ` +
		`[out.write(i.to_bytes(8, "little") + block[8:]) for i in range(int(sys.argv[2]) >> 20)]`
	return program{name: "write", line: fmt.Sprintf("python3 -c '%s' OUT %d %d", script, b.size, salt), writes: true}
}

func (b *bench) pass(ctx context.Context, way string, programs func(salt int) []program) error {
	var whole, plain, hashed, times sample
	for i := range b.repeats {
		took, err := b.passed(ctx, fmt.Sprintf("%s-%d", way, i), programs(i))
		if err != nil {
			return err
		}
		bare, read, err := b.passedPlainly(ctx, programs(i))
		if err != nil {
			return err
		}
		whole.seconds(took)
		plain.seconds(bare)
		hashed.seconds(read)
		times = append(times, (took-bare).Seconds()/read.Seconds())
	}
	what := fmt.Sprintf("%d MiB through %d steps, %s", b.size>>20, consumers, way)
	b.table.add(what+": job", "s", whole, 0)
	b.table.add(what+": plain programs", "s", plain, 0)
	b.table.add(what+": hashing what was written", "s", hashed, 0)
	b.table.add(what+": (job - programs) / hashing", "times", times, dataAim)
	return nil
}

// passed runs the programs as steps on a home of their own.
func (b *bench) passed(ctx context.Context, name string, programs []program) (time.Duration, error) {
	m := b.newHome(name)
	defer remove(m.home)
	stop, err := m.serve(ctx)
	if err != nil {
		return 0, err
	}
	defer stop()
	p := &pipeline{}
	for _, g := range programs {
		p.add(node{name: g.name, from: g.from, writes: g.writes,
			command: fill(g.line, "${{inputs.in}}/data", "${{outputs.out}}/data")})
	}
	return b.once(ctx, m, name, p)
}

// passedPlainly runs the same programs one after another without Millrace, and
// then hashes what they wrote.
func (b *bench) passedPlainly(ctx context.Context, programs []program) (ran, hashed time.Duration, err error) {
	dir, err := os.MkdirTemp(b.dir, "plain-")
	if err != nil {
		return 0, 0, err
	}
	defer remove(dir)
	var written []string
	start := time.Now()
	for _, g := range programs {
		out := filepath.Join(dir, g.name)
		if err := bash(ctx, fill(g.line, filepath.Join(dir, g.from), out)); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", g.name, err)
		}
		if g.writes {
			written = append(written, out)
		}
	}
	ran = time.Since(start)
	hashed, err = hash(written...)
	return ran, hashed, err
}

// fill puts the files into a program's command line.
func fill(line, in, out string) string {
	return strings.NewReplacer("IN", in, "OUT", out).Replace(line)
}
