package main

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// az runs a command line as a link named az does.
func (c *console) az(args ...string) int {
	c.out.Reset()
	c.err.Reset()
	c.app.az, c.program = true, "az ml"
	c.flags = globalFlags{}
	root := newAzCmd(c.app, newRootCmd(c.app))
	root.SetArgs(expandMany(args))
	return c.report(root.ExecuteContext(context.Background()))
}

func TestAzAnswersWhatScriptsAskBeforeTheyComeToML(t *testing.T) {
	c := newConsole(t)
	for _, test := range []struct{ line, out string }{
		{"account show --query id -o tsv", azNobody + "\n"},
		{"account list --query [].name -o tsv", "millrace\n"},
		{"account set -s some-subscription", ""},
		{"login --service-principal -u a -p b --tenant c -o none", ""},
		{"version --query extensions.ml -o tsv", mlRelease + "\n"},
		{"extension add -n ml -y --upgrade", ""},
		{"extension add --yes --upgrade --source https://example.com/ml.whl", ""},
		{"extension list --query [].name -o tsv", "ml\n"},
		{"extension show -n ml --query version -o tsv", mlRelease + "\n"},
		{"extension remove -n azure-cli-ml", ""},
		{"configure -l", "[]\n"},
		{"group show --query name -o tsv", "millrace\n"},
		{"configure --defaults group=g workspace=w location=here", ""},
		{"configure -d workspace=v size=", ""},
		{"configure -l --query [?name=='workspace'].value -o tsv", "v\n"},
		{"configure -l --query [].name -o tsv", "group\nlocation\nworkspace\n"},
		{"config get --query defaults[?name=='group'].value -o tsv", "g\n"},
		{"group show --query name -o tsv", "g\n"},
		{"group create -n other -l here --query name -o tsv", "other\n"},
		{"config set core.output=table extension.use_dynamic_install=yes", ""},
		{"config get core.output --query value -o tsv", "table\n"},
		{"config unset core.output", ""},
		{"config get core", "[]\n"},
		{"upgrade --yes --all", ""},
		{"ml job list -g group -w workspace --subscription s", "[]\n"},
		{"-o tsv ml job list", ""},
	} {
		code := c.az(strings.Fields(test.line)...)
		if diff := cmp.Diff(test.out, c.out.String()); code != exitDone || diff != "" {
			t.Errorf("az %s: code %d, %s%s", test.line, code, diff, c.err.String())
		}
	}
	if code := c.az("--version"); code != exitDone || !strings.HasPrefix(c.out.String(), "azure-cli  ") {
		t.Errorf("az --version: code %d, %q", code, c.out.String())
	}
	if code := c.az("ml", "-h"); code != exitDone || !strings.Contains(c.out.String(), "  az ml job create -f") || strings.Contains(c.out.String(), "  millrace") {
		t.Errorf("az ml -h: code %d, %q", code, c.out.String())
	}
}

func TestAzRefusesWhatMillraceDoesNotDo(t *testing.T) {
	c := newConsole(t)
	for _, test := range []struct {
		line string
		code int
		err  string
	}{
		{"storage blob upload --name x", 2, "does not answer `az storage blob`"},
		{"account list-locations --query x", 2, "does not answer `az account list-locations`"},
		{"account get-access-token --resource https://ml.azure.com", 1, "no access token"},
		{"extension add -n aks-preview", 1, `no extension "aks-preview"`},
		{"configure -d group", 2, "name=value"},
		{"config get core.output", 1, "not set"},
		{"ml job show -n nope", 3, "no such job"},
		{"ml job show", 2, "-n/--name is missing"},
		{"ml job shwo -n x", 2, "did you mean `az ml job show`?"},
		{"ml job create -f nope.yml", 1, "there is no such file"},
		{"ml job list --query [", 2, "--query"},
	} {
		if code := c.az(strings.Fields(test.line)...); code != test.code || c.out.Len() > 0 || !strings.Contains(c.err.String(), test.err) {
			t.Errorf("az %s: code %d, stdout %q, stderr %q", test.line, code, c.out.String(), c.err.String())
		}
	}
}
