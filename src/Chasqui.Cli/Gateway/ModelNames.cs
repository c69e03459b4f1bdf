namespace Chasqui.Cli;

/// <summary>Names as they are typed and as they are listed.</summary>
internal static class ModelNames
{
    /// <summary>The model that is asked when none is named.</summary>
    public const string Shipped = "mini";

    /// <summary>The name with its tag; <c>:latest</c> where it has none.</summary>
    public static string WithTag(string name) =>
        Chasqui.ModelNames.Canonical(name);

    public static bool Same(string one, string other) =>
        Chasqui.ModelNames.Same(one, other);

    /// <summary>The named model, else <see cref="Shipped"/>, else the only one there is.</summary>
    /// <exception cref="CliException">None was named, and there is no single one to take.</exception>
    public static async Task<string> ChooseAsync(string? named, IModelHost host, CancellationToken cancellationToken)
    {
        if (named is not null)
            return named;
        var models = await host.ListAsync(cancellationToken);
        if (models.Any(model => Same(model.Name, Shipped)))
            return Shipped;
        return models switch
        {
            [] => throw new CliException($"{host.Place} has no models; put a GGUF file into its models folder"),
            [var only] => only.Name,
            _ => throw new UsageException(
                $"there is no model '{Shipped}'; choose one with --model: {string.Join(", ", models.Take(8).Select(m => m.Name))}"
                + (models.Count > 8 ? ", … ('chasqui models list' shows all)" : "")),
        };
    }
}
