package environment_test

import (
	"testing"

	"github.com/millrace-ml/millrace/internal/environment"
)

func TestCuratedEnvironmentsGoByBothNames(t *testing.T) {
	for _, name := range []string{"sklearn-1.5", "AzureML-sklearn-1.5"} {
		c, ok := environment.FindCurated(name)
		if !ok || c.Name != "sklearn-1.5" || c.Image != "mcr.microsoft.com/azureml/curated/sklearn-1.5:latest" || c.Description == "" {
			t.Errorf("%s is %+v, %v", name, c, ok)
		}
	}
	if c, ok := environment.FindCurated("sklearn"); ok {
		t.Errorf("sklearn is %+v", c)
	}
	seen := map[string]bool{}
	for _, c := range environment.AllCurated() {
		if c.Name == "" || seen[c.Name] {
			t.Errorf("%q is listed twice, or has no name", c.Name)
		}
		seen[c.Name] = true
	}
}
