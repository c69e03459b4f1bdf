namespace Chasqui.Cli;

/// <summary>Which model is meant where none is named.</summary>
internal static class ModelChoice
{
    /// <summary>A model of a node before the shipped one, which knows next to nothing; without nodes the shipped one; else the only one there is.</summary>
    /// <param name="all">All models, newest first.</param>
    /// <param name="ofNodes">Those of nodes beside the embedded engine that answer.</param>
    /// <param name="isResident">Whether a model is in memory, so that nothing has to be loaded; null where that is not known.</param>
    /// <returns>Null where it cannot be said.</returns>
    public static ModelSummary? Usual(IReadOnlyList<ModelSummary> all, IReadOnlyCollection<ModelSummary> ofNodes, Func<ModelSummary, bool>? isResident = null)
    {
        var real = all.Where(model => !ModelNames.Same(model.Name, ModelNames.Shipped) && Generates(model) && ofNodes.Any(of => ModelNames.Same(of.Name, model.Name))).ToList();
        return real.Find(model => isResident?.Invoke(model) == true) ?? real.FirstOrDefault()
            ?? all.FirstOrDefault(model => ModelNames.Same(model.Name, ModelNames.Shipped))
            ?? (all is [var only] ? only : null);
    }

    /// <summary>Where a node does not tell what a model can do, it can generate, unless its name says otherwise.</summary>
    private static bool Generates(ModelSummary model) => model.Capabilities.Count > 0
        ? model.Capabilities.Contains("completion")
        : !model.Name.Contains("embed", StringComparison.OrdinalIgnoreCase);
}
