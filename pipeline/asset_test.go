package pipeline_test

import (
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestReferencesToAssets(t *testing.T) {
	const arm = "azureml:/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
	for _, tt := range []struct {
		text string
		kind pipeline.AssetKind
		want pipeline.AssetRef
	}{
		{"azureml:train:3", pipeline.ComponentAsset, pipeline.AssetRef{Kind: "component", Name: "train", Version: "3"}},
		{"azureml:train@latest", pipeline.ComponentAsset, pipeline.AssetRef{Kind: "component", Name: "train", Label: "latest"}},
		{"azureml:train", pipeline.ComponentAsset, pipeline.AssetRef{Kind: "component", Name: "train"}},
		{"azureml:AzureML-sklearn-1.5:2", pipeline.EnvironmentAsset, pipeline.AssetRef{Kind: "environment", Name: "AzureML-sklearn-1.5", Version: "2"}},
		{"azureml://registries/azureml/environments/sklearn-1.5/labels/latest", "",
			pipeline.AssetRef{Registry: "azureml", Kind: "environment", Name: "sklearn-1.5", Label: "latest"}},
		{"azureml://registries/r/components/c/versions/0.1.2", "", pipeline.AssetRef{Registry: "r", Kind: "component", Name: "c", Version: "0.1.2"}},
		{"azureml://registries/r/components/c", "", pipeline.AssetRef{Registry: "r", Kind: "component", Name: "c"}},
		{"azureml://registries/r/data/d/versions/1", "", pipeline.AssetRef{Registry: "r", Kind: "data", Name: "d", Version: "1"}},
		{"azureml://feeds/r/models/m/versions/1", "", pipeline.AssetRef{Registry: "r", Kind: "model", Name: "m", Version: "1"}},
		{arm + "/components/c/versions/1", "", pipeline.AssetRef{Kind: "component", Name: "c", Version: "1"}},
		{strings.Replace(arm, "workspaces/w", "registries/r", 1) + "/components/c/versions/1", "",
			pipeline.AssetRef{Registry: "r", Kind: "component", Name: "c", Version: "1"}},
		{"azureml://locations/l/workspaces/w/data/d/versions/1", "", pipeline.AssetRef{Kind: "data", Name: "d", Version: "1"}},
		{"azureml://subscriptions/s/resourcegroups/g/workspaces/w/models/m/labels/default", "",
			pipeline.AssetRef{Kind: "model", Name: "m", Label: "default"}},
	} {
		got, err := pipeline.ParseAssetRef(tt.text, tt.kind)
		if err != nil || got != tt.want {
			t.Errorf("%s is %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
}

func TestWhatIsNoReference(t *testing.T) {
	for text, want := range map[string]string{
		"train:3":                  `"train:3" is not a reference, which begins with azureml: and a name`,
		"azureml:":                 `"azureml:" does not name an asset`,
		"azureml:train:":           `"azureml:train:" ends without a version`,
		"azureml:train@":           `"azureml:train@" ends without a label`,
		"azureml:a b:1":            `"azureml:a b:1" is not a reference: "a b" cannot be the name`,
		"azureml:../x:1":           `"azureml:../x:1" is not a reference: "../x" cannot be the name`,
		"azureml://registries/r":   `"azureml://registries/r" does not name an asset`,
		"azureml://jobs/j/outputs": `"azureml://jobs/j/outputs" does not refer to an asset`,
		"azureml://registries/r/components/m/versions": `"azureml://registries/r/components/m/versions" does not end in versions/VERSION or labels/LABEL`,
		"azureml://registries/r/data/d/versions/1":     `"azureml://registries/r/data/d/versions/1" refers to a data asset, not to a component`,
		"azureml://registries/r/components//versions":  `"azureml://registries/r/components//versions" does not end in versions/VERSION or labels/LABEL`,
	} {
		if _, err := pipeline.ParseAssetRef(text, pipeline.ComponentAsset); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// FuzzAssetRef: what is read is written so that it reads the same.
func FuzzAssetRef(f *testing.F) {
	for _, text := range []string{"azureml:a:1", "azureml:a@b", "azureml://registries/r/data/d/versions/1", "azureml:/x/workspaces/w/models/m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := pipeline.ParseAssetRef(text, "")
		if err != nil {
			return
		}
		again, err := pipeline.ParseAssetRef(ref.String(), ref.Kind)
		if err != nil || again != ref {
			t.Errorf("%q is %+v, written %q, read as %+v, %v", text, ref, ref.String(), again, err)
		}
	})
}
