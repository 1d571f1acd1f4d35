# Puts the packages of a conda file into an image, in the folder $1: with what the image has for that, or else with the
# Python that it has.
set -e
cd "$(dirname "$0")"
if [ -e certificates.pem ]; then
	export PIP_CERT="$PWD/certificates.pem" SSL_CERT_FILE="$PWD/certificates.pem" REQUESTS_CA_BUNDLE="$PWD/certificates.pem"
fi
for tool in micromamba mamba conda; do
	command -v "$tool" >/dev/null || continue
	if [ "$tool" = micromamba ]; then
		micromamba create --yes --prefix "$1" --file conda.yml
	else
		"$tool" env create --prefix "$1" --file conda.yml
	fi
	"$tool" clean --all --yes >/dev/null || true
	exit 0
done
for python in python3 python; do
	command -v "$python" >/dev/null || continue
	read -r first <requirements.txt
	case $first in "#! "*)
		echo "${first#"#! "}; the image has no conda, either" >&2
		exit 1
		;;
	esac
	"$python" -m venv --system-site-packages "$1"
	"$1/bin/python" -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
	exit 0
done
echo "the image has neither conda nor python3 to make the environment with" >&2
exit 1
