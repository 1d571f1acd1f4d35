package environment_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-ml/millrace/internal/environment"
	"github.com/millrace-ml/millrace/pipeline"
)

func TestCondaIsTranslated(t *testing.T) {
	for _, tt := range []struct{ dependency, want string }{
		{"numpy", "numpy"},
		{"numpy=1.21", "numpy==1.21.*"},
		{"numpy=1.21.*", "numpy==1.21.*"},
		{"numpy==1.21.2", "numpy==1.21.2"},
		{"numpy==1.21.*", "numpy==1.21.*"},
		{"numpy 1.21.2", "numpy==1.21.2"},
		{"numpy 1.21.*", "numpy==1.21.*"},
		{"numpy=1.21.2=py38hdbf815f_0", "numpy==1.21.2.*"},
		{"numpy 1.21.2 py38_0", "numpy==1.21.2"},
		{"numpy>=1.21", "numpy>=1.21"},
		{"numpy >=1.21,<2", "numpy>=1.21,<2"},
		{"numpy>=1.21,<2.0a0", "numpy>=1.21,<2.0a0"},
		{"numpy~=1.21.0", "numpy~=1.21.0"},
		{"numpy!=1.21.3", "numpy!=1.21.3"},
		{"numpy=1.21rc1", "numpy==1.21rc1"},
		{"numpy=*", "numpy"},
		{"numpy=1.21|1.22", "numpy"},
		{"openssl-tool=1.1.1k", "openssl-tool"},
		{"conda-forge::scikit-learn=1.0", "scikit-learn==1.0.*"},
		{"conda-forge/linux-64::scikit-learn", "scikit-learn"},
		{"numpy[version='>=1.2']", "numpy>=1.2"},
		{"pytorch::pytorch=1.9", "torch==1.9.*"},
		{"opencv=4.5", "opencv-python-headless==4.5.*"},
		{"py-xgboost>=1", "xgboost>=1"},
		{"matplotlib-base", "matplotlib"},
		{"tensorflow-gpu=2.4", "tensorflow==2.4.*"},
		{"cudatoolkit=11.1", ""},
		{"pytorch-cuda=11.7", ""},
		{"mkl", ""},
		{"pip<22.0", ""},
		{"libgcc-ng=9.3.0", ""},
		{"librosa", "librosa"},
		{"pip:\n    - torch==1.13.0  # the last one", "torch==1.13.0"},
		{"pip:\n    - azureml-dataset-runtime[fuse]", "azureml-dataset-runtime[fuse]"},
		{"pip:\n    - git+https://example.org/a/b.git@v1", "git+https://example.org/a/b.git@v1"},
		{"pip:\n    - b @ https://example.org/b-1-py3-none-any.whl", "b @ https://example.org/b-1-py3-none-any.whl"},
		{"pip:\n    - --upgrade\n    - six ; python_version < '3'", "six ; python_version < '3'"},
	} {
		spec, err := environment.Wanted(conda(tt.dependency))
		if err != nil {
			t.Errorf("%s: %v", tt.dependency, err)
			continue
		}
		got := slices.DeleteFunc(slices.Clone(spec.Requirements), func(r string) bool { return r == "pip" || r == "setuptools<81" })
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: %q, not %q", tt.dependency, got, tt.want)
		}
	}
}

func TestWhatCannotBeHadIsRefusedAtOnce(t *testing.T) {
	_, err := environment.Wanted(conda("pip:\n    - -r requirements.txt\n    - -e .\n    - ./dist/x.whl\n    - --weird\n    - -f /wheels", "a b c [d"))
	failure, ok := errors.AsType[*pipeline.Failure](err)
	if !ok || failure.Kind != pipeline.Invalid {
		t.Fatal(err)
	}
	for _, want := range []string{"-r requirements.txt (the other file", "-e . (a path", "./dist/x.whl (a path", "--weird (this option", "-f /wheels (not an address", "a b c [d (not a package"} {
		if !strings.Contains(failure.Message, want) {
			t.Errorf("%q is not in: %s", want, failure.Message)
		}
	}
}

func TestOptionsOfPipAreKept(t *testing.T) {
	spec, err := environment.Wanted(conda("pip:\n    - --extra-index-url=https://a.example/simple\n    - -f https://b.example/w\n    - --pre\n    - six"))
	must(t, err)
	if want := []string{"--extra-index-url https://a.example/simple", "--find-links https://b.example/w", "--pre"}; !slices.Equal(spec.Options, want) {
		t.Errorf("options: %q", spec.Options)
	}
}

func TestWhatIsTakenForSomethingElseIsNoted(t *testing.T) {
	spec, err := environment.Wanted(conda("pytorch=1.9", "cudatoolkit=11.1", "numpy=1.2|1.3", "zlib"))
	must(t, err)
	notes := strings.Join(spec.Notes, "\n")
	for _, want := range []string{"pytorch is torch on PyPI", "cudatoolkit is left out", "numpy: any version is taken"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "zlib") {
		t.Errorf("what every conda file lists is noted:\n%s", notes)
	}
}

func FuzzConda(f *testing.F) {
	for _, text := range []string{
		"", "a", "name: x\ndependencies:\n  - python=3.8\n  - pip\n  - pip:\n    - pyjokes\n", "dependencies:\n  -\n    pip:\n      - \"-r x\"\n  - \"a::b[version='>=1']\"\n",
		"dependencies:\n  - 1.5\n  - null\n  - {pip: 3}\n  - [a]\n", "dependencies: {a: b}", "name: [1]\nvariables: {A: b}\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := environment.Wanted(pipeline.Environment{Conda: text})
		if err != nil {
			if failure, ok := errors.AsType[*pipeline.Failure](err); !ok || failure.Kind != pipeline.Invalid {
				t.Errorf("not the user's mistake: %v", err)
			}
			return
		}
		if spec == nil {
			return
		}
		again, err := environment.Wanted(pipeline.Environment{Conda: text})
		if err != nil || again.Key() != spec.Key() {
			t.Errorf("read twice, it is not the same: %v", err)
		}
		for _, line := range slices.Concat(spec.Requirements, spec.Options) {
			if strings.ContainsAny(line, "\n\r\x00") {
				t.Errorf("%q is more than one line", line)
			}
		}
		for _, r := range spec.Requirements {
			if strings.HasPrefix(r, "-") {
				t.Errorf("%q is an option", r)
			}
		}
	})
}

func TestDependenciesAreAList(t *testing.T) {
	for _, text := range []string{"dependencies: 5\n", "dependencies:\n  a: b\n"} {
		if _, err := environment.Wanted(pipeline.Environment{Conda: text}); err == nil || !strings.Contains(err.Error(), "dependencies: (it is not a list)") {
			t.Errorf("%q gives %v", text, err)
		}
	}
	for _, text := range []string{"name: bare\n", "dependencies: []\n", "dependencies:\n"} {
		if _, err := environment.Wanted(pipeline.Environment{Conda: text}); err != nil {
			t.Errorf("%q gives %v", text, err)
		}
	}
}
