package runs

import "strings"

// Azure has subscriptions, resource groups and workspaces where Millrace has one
// store. Ids in documents name these, so that they have the form that scripts
// know; whoever reads an id does not look at them.
const (
	Subscription  = "00000000-0000-0000-0000-000000000000"
	ResourceGroup = "millrace"
	Workspace     = "millrace"
)

// WorkspaceID is the id of what Azure calls the workspace.
const WorkspaceID = "/subscriptions/" + Subscription + "/resourceGroups/" + ResourceGroup +
	"/providers/Microsoft.MachineLearningServices/workspaces/" + Workspace

// id is the long id of a thing in the workspace, by the words of its path.
func id(path ...string) string { return "azureml:" + plainID(path...) }

// plainID is the id as the documents of computes have it.
func plainID(path ...string) string { return WorkspaceID + "/" + strings.Join(path, "/") }
