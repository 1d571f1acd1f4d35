package pipeline_test

import (
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/pipeline"
)

func TestSecretsInAddressesAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"https://acc.blob.core.windows.net/c/x.csv?sv=2020&sig=SECRET%3D&se=1":                                                 "https://acc.blob.core.windows.net/c/x.csv?sv=2020&sig=...&se=1",
		"https://b.s3.amazonaws.com/k?X-Amz-Signature=SECRET&X-Amz-Credential=SECRET&X-Amz-Security-Token=SECRET&X-Amz-Date=1": "https://b.s3.amazonaws.com/k?X-Amz-Signature=...&X-Amz-Credential=...&X-Amz-Security-Token=...&X-Amz-Date=1",
		"https://ann:SECRET@host/x":                         "https://...@host/x",
		"https://SECRET@host":                               "https://...@host",
		"https://ann:SEC@RET@host/x@y":                      "https://...@host/x@y",
		"http://host/x?s%69g=SECRET":                        "http://host/x?s%69g=...",
		"http://host/x#access_token=SECRET":                 "http://host/x#access_token=...",
		"HTTPS://host/x?SIG=SECRET":                         "HTTPS://host/x?SIG=...",
		`read "https://u:SECRET@h/x?key=SECRET", then more`: `read "https://...@h/x?key=...", then more`,
		"https://host/x?design=1&sigma=2&page=3":            "https://host/x?design=1&sigma=2&page=3",
		"wasbs://container@account.blob.core.windows.net/x": "wasbs://container@account.blob.core.windows.net/x",
		"wasbs://c:SECRET@account.blob.core.windows.net/x":  "wasbs://...@account.blob.core.windows.net/x",
		"azureml://datastores/a/paths/b?c":                  "azureml://datastores/a/paths/b?c",
		"file:///x/sig=1":                                   "file:///x/sig=1",
		"https://host/x?sig=":                               "https://host/x?sig=",
		"data/x?sig=1":                                      "data/x?sig=1",
		"":                                                  "",
	} {
		if got := pipeline.WithoutSecrets(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
		if got := pipeline.WithoutSecrets(want); got != want {
			t.Errorf("%s is hidden again: %s", want, got)
		}
	}
}

func FuzzWithoutSecrets(f *testing.F) {
	f.Add("https://u:SECRET@h/x?sig=SECRET#token=SECRET")
	f.Add("://?#@=&")
	f.Fuzz(func(t *testing.T, text string) {
		once := pipeline.WithoutSecrets(text)
		if twice := pipeline.WithoutSecrets(once); twice != once {
			t.Errorf("%q, then %q", once, twice)
		}
		if !strings.Contains(text, "@") && !strings.Contains(text, "=") && once != text {
			t.Errorf("%q became %q", text, once)
		}
	})
}
