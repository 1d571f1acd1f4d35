//go:build cluster && linux

package cluster

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/pipeline"
)

// A witnessed job is chains of steps. Each step notes its start and its end in a
// file outside of Millrace, sleeps in between, and makes a file out of that of
// the step before it. What the last of each chain makes is published and
// registered.
const (
	chains = 5
	places = 10
	copies = 200 // how often a step writes its line, to give transfers some length
)

func stepName(chain, place int) string { return fmt.Sprintf("s%d_%d", chain, place) }

func line(job string, chain, place int) string {
	return strings.Repeat(fmt.Sprintf("%s chain %d place %d\n", job, chain, place), copies)
}

func published(chain int) string { return fmt.Sprintf("out%d", chain) }

func assetName(job string, chain int) string { return fmt.Sprintf("%s_chain%d", job, chain) }

// witnessed writes a job whose steps note what they do below the folder. Pauses
// are in tenths of a second.
func witnessed(job, folder string, pause func() int) string {
	var y strings.Builder
	y.WriteString("type: pipeline\nsettings: {default_compute: azureml:cpu-cluster}\noutputs:\n")
	for chain := range chains {
		fmt.Fprintf(&y, "  %s: {type: uri_folder, name: %s, path: azureml://datastores/workspaceblobstore/paths/%s/%d}\n",
			published(chain), assetName(job, chain), job, chain)
	}
	y.WriteString("jobs:\n")
	for chain := range chains {
		for place := range places {
			note := func(what string) string {
				return fmt.Sprintf(`echo "%s $(date +%%s%%N)" >> %s`, what, filepath.Join(folder, stepName(chain, place)))
			}
			before, inputs := "", ""
			if place > 0 {
				before = "cat ${{inputs.before}}/lines > ${{outputs.after}}/lines"
				inputs = fmt.Sprintf("    inputs: {before: \"${{parent.jobs.%s.outputs.after}}\"}\n", stepName(chain, place-1))
			}
			after := "{type: uri_folder}"
			if place == places-1 {
				after = fmt.Sprintf("\"${{parent.outputs.%s}}\"", published(chain))
			}
			p := pause()
			fmt.Fprintf(&y, "  %s:\n    type: command\n    command: |\n      set -eu\n", stepName(chain, place))
			for _, l := range []string{
				note("start"), before, fmt.Sprintf("sleep %d.%d", p/10, p%10),
				fmt.Sprintf(`for i in $(seq %d); do echo "%s chain %d place %d"; done >> ${{outputs.after}}/lines`, copies, job, chain, place),
				note("end"),
			} {
				if l != "" {
					fmt.Fprintf(&y, "      %s\n", l)
				}
			}
			fmt.Fprintf(&y, "%s    outputs: {after: %s}\n", inputs, after)
		}
	}
	return y.String()
}

// moment is a line of a witness file.
type moment struct {
	step  string
	start bool
	at    time.Time
}

// witness returns what the steps have noted so far, in the order of time.
func witness(t *testing.T, folder string) []moment {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []moment
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(string(text)) {
			what, when, _ := strings.Cut(strings.TrimSpace(l), " ")
			ns, err := strconv.ParseInt(when, 10, 64)
			if err != nil {
				continue // being written
			}
			all = append(all, moment{f.Name(), what == "start", time.Unix(0, ns)})
		}
	}
	slices.SortFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	return all
}

// finished returns when each step had finished: when its result was in the
// store, or Temporal was told, whichever came first.
func finished(t *testing.T, f *Fleet, job string) map[string]time.Time {
	t.Helper()
	done := recorded(t, f, job)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	steps := map[int64]string{}
	for history := f.Client.GetWorkflowHistory(ctx, job, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == "Step" {
			steps[event.GetEventId()] = a.GetActivityId()
		}
		if a := event.GetActivityTaskCompletedEventAttributes(); a != nil && steps[a.GetScheduledEventId()] != "" {
			note(done, steps[a.GetScheduledEventId()], event.GetEventTime().AsTime())
		}
	}
	return done
}

func note(done map[string]time.Time, step string, at time.Time) {
	if before, ok := done[step]; !ok || at.Before(before) {
		done[step] = at
	}
}

// recorded reads in the journal of the S3 server when the results of steps were
// written into the cache.
func recorded(t *testing.T, f *Fleet, job string) map[string]time.Time {
	t.Helper()
	done := map[string]time.Time{}
	journal(t, f, func(at time.Time, key string, contents []byte) {
		var entry struct{ Job, Step string }
		if strings.HasPrefix(key, "cache/") && json.Unmarshal(contents, &entry) == nil && entry.Job == job {
			note(done, entry.Step, at)
		}
	})
	return done
}

// journal tells of all objects that were written.
func journal(t *testing.T, f *Fleet, tell func(at time.Time, key string, contents []byte)) {
	t.Helper()
	file, err := os.Open(filepath.Join(f.dir, "s3.journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		l, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var change struct {
			At       time.Time
			Key      string
			Contents []byte
			Deleted  bool
		}
		if err := json.Unmarshal(l, &change); err != nil {
			t.Fatal(err)
		}
		if !change.Deleted {
			tell(change.At, change.Key, change.Contents)
		}
	}
}

// verify checks a witnessed job that has ended: all of it is there, right, and
// was done once. It returns how many starts were repeats, by time.
func verify(t *testing.T, f *Fleet, name, folder string, ended job) (repeats []moment) {
	t.Helper()
	if ended.Status != "Completed" {
		t.Errorf("job %s is %s", name, ended.Status)
		return nil
	}
	done := finished(t, f, name)
	seen := map[string]bool{}
	for _, m := range witness(t, folder) {
		if !m.start {
			continue
		}
		if seen[m.step] {
			repeats = append(repeats, m)
		}
		seen[m.step] = true
		if d := done[m.step]; m.at.After(d) {
			t.Errorf("job %s: step %s ran again at %s, after it had finished at %s", name, m.step, clock(m.at), clock(d))
		}
	}
	if len(seen) != chains*places || len(done) != chains*places {
		t.Errorf("job %s: %d steps have run and %d have finished, want %d", name, len(seen), len(done), chains*places)
	}
	verifyContents(t, f, name, ended)
	verifyPublished(t, f, name)
	return repeats
}

func clock(at time.Time) string { return at.Format("15:04:05.000") }

// verifyContents reads every output of every step again.
func verifyContents(t *testing.T, f *Fleet, name string, ended job) {
	t.Helper()
	store, expected := openStore(t, f.Store()), openStore(t, "mem://")
	got := map[string]string{}
	for _, s := range ended.Steps {
		got[s.Name] = s.Outputs["after"].Digest
	}
	for chain := range chains {
		var text strings.Builder
		for place := range places {
			text.WriteString(line(name, chain, place))
			file, err := expected.PutBytes(t.Context(), []byte(text.String()))
			if err != nil {
				t.Fatal(err)
			}
			want, err := expected.PutTree(t.Context(), artifact.Tree{Entries: []artifact.Entry{
				{Path: "lines", Mode: artifact.Plain, Size: file.Size, Digest: file.Digest},
			}})
			if err != nil {
				t.Fatal(err)
			}
			step := stepName(chain, place)
			if got[step] != string(want.Digest) {
				t.Errorf("job %s: step %s made %s, want %s", name, step, got[step], want.Digest)
			} else if err := store.Verify(t.Context(), pipeline.Artifact{Digest: want.Digest, Tree: true}); err != nil {
				t.Errorf("job %s: step %s: %v", name, step, err)
			}
		}
	}
}

func openStore(t *testing.T, url string) *artifact.Store {
	t.Helper()
	s, err := artifact.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// verifyPublished checks what the job has published and registered: everything,
// right, and each thing once.
func verifyPublished(t *testing.T, f *Fleet, name string) {
	t.Helper()
	written := map[string]int{}
	contents := map[string][]byte{}
	journal(t, f, func(_ time.Time, key string, text []byte) {
		if strings.Contains(key, "/"+name+"/") && strings.HasSuffix(key, "/lines") {
			written[key]++
			contents[key] = text
		}
	})
	if len(written) != chains {
		t.Errorf("job %s has published %v, want %d files", name, written, chains)
	}
	for key, times := range written {
		chain, _ := strconv.Atoi(filepath.Base(filepath.Dir(key)))
		var want strings.Builder
		for place := range places {
			want.WriteString(line(name, chain, place))
		}
		if string(contents[key]) != want.String() {
			t.Errorf("job %s has published %d bytes as %s, want %d others", name, len(contents[key]), key, want.Len())
		}
		if times > 1 {
			t.Logf("job %s has written %s %d times: an attempt to publish was repeated", name, key, times)
		}
	}
	for chain := range chains {
		asset := assetName(name, chain)
		versions := millrace(t, f, "data", "list", "-n", asset, "--query", "[].version", "-o", "tsv")
		if n := len(strings.Fields(versions)); n != 1 {
			t.Errorf("job %s has registered %s %d times", name, asset, n)
		}
	}
}

// longest is the greatest of some durations, and median the one in the middle.
func longest(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare[time.Duration])
	return sorted[len(sorted)/2]
}
