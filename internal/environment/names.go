package environment

import "strings"

// condaOnly marks packages that conda has and PyPI has not.
const condaOnly = "conda"

// condaNames are the packages that PyPI has under another name, not at all
// (condaOnly), or that are not needed with packages from there ("").
var condaNames = map[string]string{
	"pip": "", "python_abi": "", "_libgcc_mutex": "", "_openmp_mutex": "", "_py-xgboost-mutex": "", "pytorch-mutex": "",
	"pytorch-cuda": "", "cudatoolkit": "", "cuda": "", "cuda-toolkit": "", "cuda-runtime": "", "cuda-version": "", "cudnn": "", "nccl": "",
	"cpuonly": "", "mkl": "", "mkl-service": "", "mkl_fft": "", "mkl_random": "", "nomkl": "", "blas": "", "openblas": "",
	"intel-openmp": "", "llvm-openmp": "", "tbb": "", "ca-certificates": "", "openssl": "", "zlib": "", "zstd": "", "xz": "", "bzip2": "",
	"lz4-c": "", "snappy": "", "sqlite": "", "readline": "", "ncurses": "", "tk": "", "ld_impl_linux-64": "", "yaml": "", "jpeg": "",
	"freetype": "", "lcms2": "", "openjpeg": "", "giflib": "", "icu": "", "expat": "", "pcre": "", "glib": "", "gettext": "", "krb5": "",
	"c-ares": "", "gflags": "", "glog": "", "aws-c-common": "", "arrow-cpp": "", "boost-cpp": "", "re2": "", "grpc-cpp": "", "orc": "",
	"hdf5": "", "nspr": "", "nss": "", "dbus": "", "fontconfig": "", "gmp": "", "mpfr": "", "mpc": "", "ninja-base": "", "font-ttf-dejavu-sans-mono": "",
	"conda": "", "nb_conda": "", "nb_conda_kernels": "", "anaconda-client": "",

	"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "py-xgboost": "xgboost", "py-xgboost-cpu": "xgboost", "py-xgboost-gpu": "xgboost",
	"xgboost-cpu": "xgboost", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn", "opencv": "opencv-python-headless", "py-opencv": "opencv-python-headless",
	"tensorflow-gpu": "tensorflow", "tensorflow-base": "tensorflow", "tensorflow-mkl": "tensorflow", "tensorflow-eigen": "tensorflow",
	"keras-gpu": "keras", "keras-base": "keras", "msgpack-python": "msgpack", "pytables": "tables", "dask-core": "dask", "ruamel_yaml": "ruamel.yaml",
	"python-graphviz": "graphviz", "python-dateutil": "python-dateutil", "pyqt": "PyQt5", "importlib_metadata": "importlib-metadata",
	"jupyterlab_server": "jupyterlab-server", "typing_extensions": "typing-extensions", "prompt_toolkit": "prompt-toolkit", "brotlipy": "brotlipy",
	"brotli-python": "brotli", "python-kaleido": "kaleido", "kaleido-core": "kaleido", "pandoc": "pypandoc-binary", "pytorch-lightning": "pytorch-lightning",
	"huggingface_hub": "huggingface-hub", "faiss": "faiss-cpu", "faiss-gpu": "faiss-cpu", "spacy-model-en_core_web_sm": condaOnly, "py-lightgbm": "lightgbm",
	"pyarrow-core": "pyarrow", "numpy-base": "numpy", "scikit-learn-base": "scikit-learn", "python-snappy": "python-snappy", "python-tzdata": "tzdata",
	"libxgboost": "", "shap-base": "shap", "pycocotools": "pycocotools", "sentence-transformers": "sentence-transformers", "pydotplus": "pydotplus",

	"r": condaOnly, "rpy2": condaOnly, "openjdk": condaOnly, "java-jdk": condaOnly, "maven": condaOnly, "nodejs": condaOnly, "ffmpeg": condaOnly,
	"openmpi": condaOnly, "mpich": condaOnly, "graphviz": condaOnly, "gdal": condaOnly, "libgdal": condaOnly, "proj": condaOnly, "geos": condaOnly,
	"tesseract": condaOnly, "poppler": condaOnly, "gcc": condaOnly, "gxx": condaOnly, "gcc_linux-64": condaOnly, "gxx_linux-64": condaOnly,
	"gfortran": condaOnly, "compilers": condaOnly, "cxx-compiler": condaOnly, "make": condaOnly, "git": condaOnly, "git-lfs": condaOnly, "curl": condaOnly,
	"wget": condaOnly, "unzip": condaOnly, "imagemagick": condaOnly, "postgresql": condaOnly, "unixodbc": condaOnly, "samtools": condaOnly,
	"bedtools": condaOnly, "blast": condaOnly, "cuda-nvcc": condaOnly, "cudatoolkit-dev": condaOnly, "cudf": condaOnly, "cuml": condaOnly, "rapids": condaOnly,
	"julia": condaOnly, "perl": condaOnly, "rust": condaOnly, "go": condaOnly, "coincbc": condaOnly, "glpk": condaOnly, "ipopt": condaOnly,
}

// runtimeOnly are left out without a word: every exported conda file lists them.
var runtimeOnly = map[string]bool{
	"python_abi": true, "_libgcc_mutex": true, "_openmp_mutex": true, "ca-certificates": true, "openssl": true, "zlib": true, "xz": true, "sqlite": true,
	"readline": true, "ncurses": true, "tk": true, "ld_impl_linux-64": true, "bzip2": true, "libffi": true, "libgcc-ng": true, "libstdcxx-ng": true, "libgomp": true,
}

// isLibrary reports whether a conda package is a shared library, which wheels
// have in them.
func isLibrary(name string) bool {
	if _, known := condaNames[name]; known {
		return false
	}
	switch name {
	case "librosa", "libcst", "libsvm", "libsass", "libtmux", "libclang", "liblinear", "libusb1":
		return false
	}
	return strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "xorg-")
}
