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

    /// <summary>The named model, else <see cref="ModelChoice.Usual"/>; says so where nodes are down, or another model might have been expected.</summary>
    /// <exception cref="CliException">None was named, and there is no single one to take.</exception>
    public static async Task<string> ChooseAsync(string? named, IModelHost host, CliConsole console, CancellationToken cancellationToken)
    {
        if (named is not null)
            return named;
        var nodes = await GatewayNode.AllAsync(host, cancellationToken);
        var models = await host.ListAsync(cancellationToken);
        var down = GatewayNode.AllDown(nodes);
        var up = nodes.Where(node => node.Kind != "embedded" && !node.IsDown).ToList();
        // An alias is another name of what may be the shipped model; the model itself is in the list too.
        var chosen = ModelChoice.Usual(
            models, [.. models.Where(model => !GatewayNode.IsAlias(nodes, model.Name) && up.Any(node => node.Has(model.Name)))],
            model => up.Any(node => node.Resident.Any(resident => Same(resident.Summary.Name, model.Name))));
        if (chosen is not null)
        {
            var name = Same(chosen.Name, Shipped) ? Shipped : chosen.Name;
            if (down is not null)
                console.Remark($"{down}; asking '{name}'.");
            else if (console.ErrorIsTerminal && name != Shipped && models.Count > 1)
                console.Remark($"Asking {name}; --model NAME chooses another one.");
            return name;
        }
        if (down is not null)
            throw new CliException(down);
        return models switch
        {
            [] => throw new CliException($"{host.Place} has no models; put a GGUF file into its models folder"),
            _ => throw new UsageException(
                $"there is no model '{Shipped}'; choose one with --model: {string.Join(", ", models.Take(8).Select(m => m.Name))}"
                + (models.Count > 8 ? ", … ('chasqui models list' shows all)" : "")),
        };
    }
}
