package asset

import (
	"errors"
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
			"another type":       func(v *Version) { v.Type = "pipeline" },
			"another definition": func(v *Version) { v.Definition += " " },
			"another path":       func(v *Version) { v.URI = "azureml://x" },
			"other content":      func(v *Version) { v.Artifact = &someTree },
			"other flavors":      func(v *Version) { v.Flavors = nil },
		} {
			v := first
			change(&v)
			_, created, err := c.Create(t.Context(), v)
			want := `component "train" has had a version 1 since 2026-11-01 12:00:00 UTC, with ` + what
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
