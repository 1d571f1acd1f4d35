package asset

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-ml/millrace/internal/artifact"
	"github.com/millrace-ml/millrace/internal/artifact/s3test"
	"github.com/millrace-ml/millrace/pipeline"
)

// everyCatalog runs a test against each kind of store.
func everyCatalog(t *testing.T, test func(t *testing.T, c *Catalog)) {
	t.Run("file", func(t *testing.T) { test(t, open(t, "file://"+t.TempDir()+"/store")) })
	t.Run("mem", func(t *testing.T) { test(t, open(t, "mem://")) })
	t.Run("s3", func(t *testing.T) { test(t, open(t, s3test.Start(t))) })
}

func open(t testing.TB, url string) *Catalog {
	t.Helper()
	s, err := artifact.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return New(s)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// train is a component of which a version is to be created.
func train(version string) Version {
	return Version{
		Kind: pipeline.ComponentAsset, Name: "train", Version: version,
		Type: "command", Definition: "command: python train.py\n", Artifacts: []pipeline.Artifact{someTree},
	}
}

var (
	someTree = pipeline.Artifact{Digest: pipeline.Digest("blake3:" + strings.Repeat("0a", 32)), Tree: true, Size: 7, Files: 2}
	someFile = pipeline.Artifact{Digest: pipeline.Digest("blake3:" + strings.Repeat("0b", 32)), Name: "m.pkl", Size: 7, Files: 1}
)

func create(t testing.TB, c *Catalog, v Version) Version {
	t.Helper()
	made, created, err := c.Create(t.Context(), v)
	must(t, err)
	if !created {
		t.Fatalf("%s %s was there before", v.Kind, v.Ref("").Short())
	}
	return made
}

// ref is what people write: "train", "train:3", "train@latest".
func ref(t testing.TB, text string) pipeline.AssetRef {
	t.Helper()
	r, err := pipeline.ParseAssetRef("azureml:"+text, pipeline.ComponentAsset)
	must(t, err)
	return r
}

func find(t testing.TB, c *Catalog, text string) Version {
	t.Helper()
	v, err := c.Find(t.Context(), ref(t, text))
	must(t, err)
	return v
}

func numbers(list []Version) string {
	var all []string
	for _, v := range list {
		all = append(all, v.Version)
	}
	return strings.Join(all, " ")
}

func TestWhatIsCreatedIsFound(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		model := Version{
			Kind: pipeline.ModelAsset, Name: "churn", Type: "mlflow_model", Artifact: &someFile, URI: "azureml://datastores/d/paths/p",
			Artifacts: []pipeline.Artifact{someTree}, Definition: "a: b",
			Flavors: map[string]any{"python_function": map[string]any{"depth": 3, "names": []string{"a"}}},
			Origin:  &Origin{Job: "brave_owl", Step: "train", Output: "model"}, CreatedBy: "anna",
			Notes: Notes{DisplayName: "Churn", Stage: "Staging", Tags: map[string]string{"a": "b"}, Properties: map[string]string{"c": "d"}},
		}
		before := time.Now()
		made := create(t, c, model)
		if made.Version != "1" || made.Created.Before(before) || made.Created.After(time.Now()) || made.Created.Location() != time.UTC {
			t.Errorf("made version %s at %v", made.Version, made.Created)
		}
		for _, r := range []pipeline.AssetRef{
			made.Ref(""), made.Ref("elsewhere"),
			{Kind: pipeline.ModelAsset, Name: "churn"},
			{Kind: pipeline.ModelAsset, Name: "churn", Label: "latest"},
			{Kind: pipeline.ModelAsset, Name: "churn", Label: "default"},
		} {
			found, err := c.Find(t.Context(), r)
			must(t, err)
			if diff := cmp.Diff(made, found); diff != "" {
				t.Errorf("%s (-made +found):\n%s", r, diff)
			}
		}
		want := model
		want.Version, want.Created, want.Flavors = made.Version, made.Created, made.Flavors
		if diff := cmp.Diff(want, made); diff != "" {
			t.Errorf("(-given +made):\n%s", diff)
		}
		if _, err := c.Find(t.Context(), pipeline.AssetRef{Kind: pipeline.DataAsset, Name: "churn"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("as data: %v", err)
		}
	})
}

func TestVersionsCountOnFromTheHighestNumber(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		for _, step := range []struct{ given, made string }{
			{"", "1"}, {"", "2"},
			{"10", "10"}, {"", "11"},
			{"3", "3"}, {"", "12"},
			{"2026-11-01", "2026-11-01"}, {"v50", "v50"}, {"60.1", "60.1"}, {"", "13"},
			{"020", "020"}, {"", "21"},
			{"20261101120000", "20261101120000"}, {"", "20261101120001"},
			{"9999999999999999999999", "9999999999999999999999"}, {"9223372036854775807", "9223372036854775807"}, {"", "20261101120002"},
		} {
			if made := create(t, c, train(step.given)); made.Version != step.made {
				t.Errorf("version %q became %s, want %s", step.given, made.Version, step.made)
			}
		}
		other := train("")
		other.Name = "train2"
		if made := create(t, c, other); made.Version != "1" {
			t.Errorf("another name begins with version %s", made.Version)
		}
	})
}

func TestLatestIsWhatWasCreatedLast(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		for _, version := range []string{"5", "10", "v1", "3"} {
			create(t, c, train(version))
			if got := find(t, c, "train").Version; got != version {
				t.Errorf("after %s the latest is %s", version, got)
			}
		}
		all, err := c.Versions(t.Context(), pipeline.ComponentAsset, "train")
		must(t, err)
		if got := numbers(all); got != "3 v1 10 5" {
			t.Errorf("versions %s", got)
		}
	})
}

func TestOfOneMomentTheLargerNumberIsLater(t *testing.T) {
	c := open(t, "mem://")
	for _, version := range []string{"9", "b", "10", "a", "2"} {
		v := train(version)
		v.Created = time.Date(2026, 11, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600))
		create(t, c, v)
	}
	all, err := c.Versions(t.Context(), pipeline.ComponentAsset, "train")
	must(t, err)
	if got := numbers(all); got != "10 9 2 b a" || !all[0].Created.Equal(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("versions %s, created %v", got, all[0].Created)
	}
}

func TestSameContentIsTheSameAsset(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		first := train("1")
		first.Artifact, first.Flavors = &someFile, map[string]any{"a": 1, "b": []any{1, 2}}
		first.Artifacts = []pipeline.Artifact{someTree, someFile}
		create(t, c, first)
		made, err := c.Note(t.Context(), ref(t, "train:1"), func(n *Notes) error { n.Description = "the first"; return nil })
		must(t, err)

		again := first
		again.Artifacts = []pipeline.Artifact{someFile, someTree} // in any order
		again.Flavors = map[string]any{"b": []int{1, 2}, "a": 1.0}
		again.Notes = Notes{Description: "the second"}
		again.CreatedBy, again.Origin = "somebody", &Origin{Job: "another"}
		there, created, err := c.Create(t.Context(), again)
		if created || err != nil {
			t.Errorf("Create = %v, %v", created, err)
		}
		if diff := cmp.Diff(made, there); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

func TestOtherContentIsRefused(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		first := train("1")
		first.Artifact, first.Flavors = &someFile, map[string]any{"a": 1}
		first.Created = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		create(t, c, first)
		renamed := someFile
		renamed.Name = "other.pkl"
		for what, change := range map[string]func(*Version){
			"type":           func(v *Version) { v.Type = "pipeline" },
			"definition":     func(v *Version) { v.Definition += " " },
			"path":           func(v *Version) { v.URI = "azureml://x" },
			"content":        func(v *Version) { v.Artifact = &someTree },
			"set of flavors": func(v *Version) { v.Flavors = nil },
		} {
			v := first
			change(&v)
			_, created, err := c.Create(t.Context(), v)
			want := `component "train" has had a version 1 since 2026-11-01 12:00:00 UTC, with another ` + what +
				": choose another version, or leave it out to get the next number"
			if created || !errors.Is(err, ErrExists) || err.Error() != want {
				t.Errorf("Create = %v, %v\nwant %s", created, err, want)
			}
		}
		for what, change := range map[string]func(*Version){
			"no content":      func(v *Version) { v.Artifact = nil },
			"another name":    func(v *Version) { v.Artifact = &renamed },
			"fewer artifacts": func(v *Version) { v.Artifacts = nil },
			"other artifacts": func(v *Version) { v.Artifacts = []pipeline.Artifact{someFile} },
			"other flavors":   func(v *Version) { v.Flavors = map[string]any{"a": 2} },
		} {
			v := first
			change(&v)
			if _, created, err := c.Create(t.Context(), v); created || !errors.Is(err, ErrExists) {
				t.Errorf("%s: Create = %v, %v", what, created, err)
			}
		}
		if got := find(t, c, "train:1"); got.Type != "command" {
			t.Errorf("the first is now %+v", got)
		}
	})
}

func TestArchivedVersionsAreOnlyFoundByName(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		for range 3 {
			create(t, c, train(""))
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "3", true))
		if got := find(t, c, "train").Version; got != "2" {
			t.Errorf("with version 3 archived the latest is %s", got)
		}
		if v := find(t, c, "train:3"); !v.Notes.Archived || v.Notes.Modified.IsZero() {
			t.Errorf("notes of version 3: %+v", v.Notes)
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "", true))
		_, err := c.Find(ctx, ref(t, "train@latest"))
		missing, ok := errors.AsType[*NotFound](err)
		if !ok || !missing.Archived || err.Error() != `all versions of component "train" are archived (3, 2, 1): name one of them, or restore one` {
			t.Errorf("with all archived: %v", err)
		}
		all, err := c.Versions(ctx, pipeline.ComponentAsset, "train")
		if got := numbers(all); got != "3 2 1" || err != nil {
			t.Errorf("versions %s, %v", got, err)
		}
		list, err := c.List(ctx, pipeline.ComponentAsset)
		if got := numbers(list); got != "3" || err != nil || !list[0].Notes.Archived {
			t.Errorf("list %s, %v", got, err)
		}
		if made := create(t, c, train("")); made.Version != "4" || find(t, c, "train").Version != "4" {
			t.Errorf("made version %s, latest %s", made.Version, find(t, c, "train").Version)
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "", false))
		if v := find(t, c, "train:1"); v.Notes.Archived {
			t.Error("version 1 was not restored")
		}
		for _, version := range []string{"9", ""} {
			name := "train"
			if version == "" {
				name = "nothing"
			}
			if err := c.Archive(ctx, pipeline.ComponentAsset, name, version, true); !errors.Is(err, ErrNotFound) {
				t.Errorf("Archive(%s, %q) = %v", name, version, err)
			}
		}
	})
}

func TestNotesChangeAndNothingElse(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		v := train("")
		v.Notes = Notes{Description: "as created", Tags: map[string]string{"a": "1"}}
		made := create(t, c, v)
		noted, err := c.Note(ctx, ref(t, "train"), func(n *Notes) error {
			n.Tags["b"] = "2"
			n.ModifiedBy = "anna"
			return nil
		})
		must(t, err)
		if noted.Notes.Modified.Before(made.Created) {
			t.Errorf("modified at %v, created at %v", noted.Notes.Modified, made.Created)
		}
		want := made
		want.Notes = Notes{
			Description: "as created", Tags: map[string]string{"a": "1", "b": "2"}, ModifiedBy: "anna", Modified: noted.Notes.Modified,
		}
		if diff := cmp.Diff(want, find(t, c, "train:1")); diff != "" {
			t.Error(diff)
		}
		refused := errors.New("refused")
		if _, err := c.Note(ctx, ref(t, "train"), func(n *Notes) error { n.Stage = "x"; return refused }); !errors.Is(err, refused) {
			t.Errorf("Note = %v", err)
		}
		if diff := cmp.Diff(want, find(t, c, "train")); diff != "" {
			t.Error(diff)
		}
		if _, err := c.Note(ctx, ref(t, "train:2"), func(*Notes) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("Note of what is not there = %v", err)
		}
	})
}

func TestForgottenVersionsAreGone(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		create(t, c, train("1"))
		create(t, c, train("2"))
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "train", "2", true))
		for range 2 {
			must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		}
		if _, err := c.Find(ctx, ref(t, "train:2")); !errors.Is(err, ErrNotFound) {
			t.Errorf("Find = %v", err)
		}
		if made := create(t, c, train("")); made.Version != "2" || find(t, c, "train:2").Notes.Archived {
			t.Error("the next version inherits from the one before")
		}
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "1"))
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		if names, err := c.Names(ctx, pipeline.ComponentAsset); len(names) != 0 || err != nil {
			t.Errorf("Names = %v, %v", names, err)
		}
		if _, err := c.Versions(ctx, pipeline.ComponentAsset, "train"); !errors.Is(err, ErrNotFound) {
			t.Errorf("Versions = %v", err)
		}
		for _, version := range []string{"", "../1", "1/2"} {
			if err := c.Forget(ctx, pipeline.ComponentAsset, "train", version); err == nil {
				t.Errorf("Forget(%q): no error", version)
			}
		}
	})
}

func TestListShowsTheLatestOfEachName(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		if list, err := c.List(ctx, pipeline.ComponentAsset); len(list) != 0 || err != nil {
			t.Errorf("List = %v, %v of nothing", list, err)
		}
		for _, name := range []string{"zebra", "apple", "mango", "apple-pie"} {
			for range 3 {
				v := train("")
				v.Name = name
				create(t, c, v)
			}
		}
		must(t, c.Archive(ctx, pipeline.ComponentAsset, "apple", "3", true))
		must(t, Put(ctx, c, "compute", "zebra", 1))
		list, err := c.List(ctx, pipeline.ComponentAsset)
		must(t, err)
		var got []string
		for _, v := range list {
			got = append(got, v.Ref("").Short())
		}
		if diff := cmp.Diff([]string{"apple:2", "apple-pie:3", "mango:3", "zebra:3"}, got); diff != "" {
			t.Error(diff)
		}
		names, err := c.Names(ctx, pipeline.ComponentAsset)
		if diff := cmp.Diff([]string{"apple", "apple-pie", "mango", "zebra"}, names); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if list, err := c.List(ctx, pipeline.ModelAsset); len(list) != 0 || err != nil {
			t.Errorf("models: %v, %v", list, err)
		}
	})
}

func TestWhatIsMissingIsSaidWithWhatThereIs(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		for _, name := range []string{"my_train", "my_trains", "score"} {
			for range 7 {
				v := train("")
				v.Name = name
				create(t, c, v)
			}
		}
		for text, want := range map[string]string{
			"my_trian@latest": `there is no component "my_trian" (did you mean "my_train" or "my_trains"?)`,
			"socre":           `there is no component "socre" (did you mean "score"?)`,
			"nothing:1":       `there is no component "nothing"`,
			"score:9":         `component "score" has no version 9 (it has 7, 6, 5, 4, 3 and 2 older)`,
			"score@best":      `component "score" has no label "best": the labels are latest and default (its versions are 7, 6, 5, 4, 3 and 2 older)`,
		} {
			_, err := c.Find(t.Context(), ref(t, text))
			if !errors.Is(err, ErrNotFound) || err.Error() != want {
				t.Errorf("%s: %v\nwant %s", text, err, want)
			}
		}
		_, err := c.Find(t.Context(), pipeline.AssetRef{Registry: "shared", Kind: pipeline.ComponentAsset, Name: "scor"})
		want := &NotFound{Ref: pipeline.AssetRef{Registry: "shared", Kind: pipeline.ComponentAsset, Name: "scor"}, Near: []string{"score"}}
		missing, _ := errors.AsType[*NotFound](err)
		if diff := cmp.Diff(want, missing); diff != "" || err.Error() != `there is no component "scor" in the registry "shared" (did you mean "score"?)` {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestNamesAreCheckedBeforeTheyBecomeKeys(t *testing.T) {
	c, ctx := open(t, "file://"+t.TempDir()+"/store"), t.Context()
	long := strings.Repeat("x", 251)
	for _, bad := range []struct {
		kind          pipeline.AssetKind
		name, version string
	}{
		{"component", "", "1"}, {"component", "../x", "1"}, {"component", "a/b", "1"}, {"component", ".a", "1"}, {"component", "a b", ""},
		{"component", "a", ".."}, {"component", "a", "1/2"}, {"component", "a", "1:2"}, {"component", "a", long},
		{"component", long + "xxxxx", ""}, {"", "a", "1"}, {"job", "a", "1"}, {"../x", "a", "1"},
	} {
		v := train(bad.version)
		v.Kind, v.Name = bad.kind, bad.name
		_, _, create := c.Create(ctx, v)
		_, find := c.Find(ctx, pipeline.AssetRef{Kind: bad.kind, Name: bad.name, Version: bad.version})
		_, note := c.Note(ctx, pipeline.AssetRef{Kind: bad.kind, Name: bad.name, Version: bad.version}, func(*Notes) error { return nil })
		errs := []error{create, find, note, c.Archive(ctx, bad.kind, bad.name, bad.version, true)}
		if bad.version == "" || bad.name == "" {
			_, versions := c.Versions(ctx, bad.kind, bad.name)
			errs = append(errs, versions)
		}
		for i, err := range errs {
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%+v, %d: %v", bad, i, err)
			}
		}
	}
	for _, kind := range []pipeline.AssetKind{"", "..", "job"} {
		if _, err := c.List(ctx, kind); err == nil {
			t.Errorf("List(%q): no error", kind)
		}
		if _, err := c.Names(ctx, kind); err == nil {
			t.Errorf("Names(%q): no error", kind)
		}
	}
	longest := train(strings.Repeat("v", 250))
	longest.Name = strings.Repeat("n", 255)
	create(t, c, longest)
}

func TestDamagedRecordsAreNamed(t *testing.T) {
	everyCatalog(t, func(t *testing.T, c *Catalog) {
		ctx := t.Context()
		create(t, c, train("1"))
		key := "assets/component/train/versions/2.json"
		for _, text := range []string{
			"", "{", "null", `{"schema":1}`,
			`{"schema":1,"kind":"component","name":"train","version":"1"}`,
			`{"schema":1,"kind":"component","name":"train","version":"2","artifact":{"digest":"../../etc"}}`,
			`{"schema":1,"kind":"component","name":"train","version":"2","artifacts":[{}]}`,
			`{"schema":2,"kind":"component","name":"train","version":"2"}`,
		} {
			must(t, c.Store().WriteRecord(ctx, key, []byte(text)))
			_, find := c.Find(ctx, ref(t, "train:2"))
			_, latest := c.Find(ctx, ref(t, "train"))
			_, list := c.List(ctx, pipeline.ComponentAsset)
			_, _, again := c.Create(ctx, train("2"))
			for i, err := range []error{find, latest, list, again} {
				if err == nil || !strings.Contains(err.Error(), key) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) {
					t.Errorf("%s, %d: %v", text, i, err)
				}
			}
		}
		if made := create(t, c, train("")); made.Version != "3" {
			t.Errorf("the next version is %s", made.Version)
		}
		must(t, c.Forget(ctx, pipeline.ComponentAsset, "train", "2"))
		if got := find(t, c, "train").Version; got != "3" {
			t.Errorf("latest = %s", got)
		}
		notes := "assets/component/train/notes/3.json"
		for _, text := range []string{"", "[]", `{"schema":7}`, "{}"} {
			must(t, c.Store().WriteRecord(ctx, notes, []byte(text)))
			if _, err := c.Find(ctx, ref(t, "train:3")); err == nil || !strings.Contains(err.Error(), notes) {
				t.Errorf("notes %q: %v", text, err)
			}
		}
	})
}

func TestOtherRecordsAreNoAssets(t *testing.T) {
	c := open(t, "mem://")
	create(t, c, train("1"))
	for _, key := range []string{
		"assets/component/train/versions/1.json.bak", "assets/component/train/versions/2", "assets/component/train/note.txt",
		"assets/component/README", "assets/component/train/notes/7.json", "assets/component/x/notes/1.json", "assets/compute/sub/x.json", "assets/compute/x",
	} {
		must(t, c.Store().WriteRecord(t.Context(), key, []byte("{}")))
	}
	all, err := c.Versions(t.Context(), pipeline.ComponentAsset, "train")
	names, _ := c.Names(t.Context(), pipeline.ComponentAsset)
	if numbers(all) != "1" || err != nil || fmt.Sprint(names) != "[train]" {
		t.Errorf("versions %s, %v, names %v", numbers(all), err, names)
	}
	if things, err := All[int](t.Context(), c, "compute"); len(things) != 0 || err != nil {
		t.Errorf("computes: %v, %v", things, err)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	c := open(t, "mem://")
	v := train("1")
	v.Definition = strings.Repeat("x", maxRecord)
	if _, _, err := c.Create(t.Context(), v); err == nil || !strings.Contains(err.Error(), `create component "train:1"`) {
		t.Errorf("Create = %v", err)
	}
}
