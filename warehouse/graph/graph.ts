/** The compiled graph of a Dataform project, as far as running it needs it (the names are those of `dataform compile --json`). */

/** Where an action's table or view stands. */
export interface ActionTarget {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

interface ActionBase {
  readonly target: ActionTarget;
  readonly canonicalTarget: ActionTarget;
  readonly fileName: string;
  readonly dependencyTargets?: readonly ActionTarget[];
  readonly tags?: readonly string[];
  readonly disabled?: boolean;
  readonly actionDescriptor?: { readonly description?: string };
}

export interface TableAction extends ActionBase {
  readonly type: "table" | "view" | "incremental";
  readonly enumType: "TABLE" | "VIEW" | "INCREMENTAL";
  readonly query: string;
  readonly preOps?: readonly string[];
  readonly postOps?: readonly string[];
  readonly bigquery?: { readonly partitionBy?: string; readonly clusterBy?: readonly string[] };
}

export interface AssertionAction extends ActionBase {
  readonly query: string;
}

export interface OperationsAction extends ActionBase {
  readonly queries?: readonly string[];
}

export interface CompileError {
  readonly message: string;
  readonly fileName?: string;
  readonly actionName?: string;
}

export interface CompiledGraph {
  readonly tables?: readonly TableAction[];
  readonly assertions?: readonly AssertionAction[];
  readonly operations?: readonly OperationsAction[];
  readonly declarations?: readonly ActionBase[];
  readonly graphErrors?: { readonly compilationErrors?: readonly CompileError[] };
  readonly projectConfig: {
    readonly defaultDatabase: string;
    readonly defaultSchema: string;
    readonly assertionSchema: string;
    readonly defaultLocation: string;
  };
  readonly dataformCoreVersion: string;
}
