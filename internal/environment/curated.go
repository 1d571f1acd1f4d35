// Package environment knows the software that steps ask for.
package environment

import (
	"strings"
)

// Curated is an environment that exists from the start, under the name that
// Azure ML has for it.
type Curated struct {
	Name, Description string
	// Image is where Azure keeps the image.
	Image string
}

// CuratedRegistry is the name of the registry that the curated environments are
// found in.
const CuratedRegistry = "azureml"

// AllCurated lists the curated environments by name.
func AllCurated() []Curated {
	var list []Curated
	for line := range strings.SplitSeq(strings.TrimSpace(curated), "\n") {
		name, about, _ := strings.Cut(line, ": ")
		list = append(list, Curated{Name: name, Description: about, Image: "mcr.microsoft.com/azureml/curated/" + name + ":latest"})
	}
	return list
}

// CuratedPrefix is what the names of curated environments begin with where they
// are referred to without the registry.
const CuratedPrefix = "AzureML-"

// FindCurated returns the curated environment of a name, with or without the
// prefix.
func FindCurated(name string) (Curated, bool) {
	name = strings.TrimPrefix(name, CuratedPrefix)
	for _, c := range AllCurated() {
		if c.Name == name {
			return c, true
		}
	}
	return Curated{}, false
}

// curated has a line for each environment. The names are a contract: files
// refer to them.
const curated = `
acft-hf-nlp-gpu: fine-tuning of Hugging Face language models
acft-mmdetection-image-gpu: fine-tuning of object detection with MMDetection
acft-transformers-image-gpu: fine-tuning of image models with transformers
acpt-pytorch-1.13-cuda11.7: PyTorch 1.13 with CUDA 11.7
acpt-pytorch-2.0-cuda11.7: PyTorch 2.0 with CUDA 11.7
acpt-pytorch-2.2-cuda12.1: PyTorch 2.2 with CUDA 12.1
acpt-pytorch-2.8-cuda12.6: PyTorch 2.8 with CUDA 12.6
ai-ml-automl: automated machine learning on tables
ai-ml-automl-dnn: automated machine learning on tables, with deep learning
ai-ml-automl-dnn-gpu: automated machine learning on tables, with deep learning on GPUs
ai-ml-automl-dnn-text-gpu: automated machine learning on text, on GPUs
ai-ml-automl-dnn-vision-gpu: automated machine learning on images, on GPUs
ai-ml-automl-gpu: automated machine learning on GPUs
automl-gpu: automated machine learning on GPUs
foundation-model-inference: serving of foundation models
lightgbm-3.2: LightGBM 3.2
lightgbm-3.3: LightGBM 3.3
minimal-py310-inference: serving with Python 3.10
minimal-py311-inference: serving with Python 3.11
minimal-py312-inference: serving with Python 3.12
minimal-py38-inference: serving with Python 3.8
minimal-py39-inference: serving with Python 3.9
model-evaluation: evaluation of models
python-sdk-v2: the Azure ML SDK for Python
responsibleai-tabular: responsible-AI analysis of tables
responsibleai-text: responsible-AI analysis of text
responsibleai-vision: responsible-AI analysis of images
sklearn-1.0: scikit-learn 1.0
sklearn-1.1: scikit-learn 1.1
sklearn-1.5: scikit-learn 1.5
tensorflow-2.12-cuda11: TensorFlow 2.12 with CUDA 11
tensorflow-2.16-cuda11: TensorFlow 2.16 with CUDA 11
tensorflow-2.16-cuda12: TensorFlow 2.16 with CUDA 12
`
