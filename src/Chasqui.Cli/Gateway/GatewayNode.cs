using System.Text.Json;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Cli;

/// <summary>A node of a gateway, as <c>/api/nodes</c> tells of it.</summary>
/// <param name="json">As it was told.</param>
internal sealed class GatewayNode(JsonElement json)
{
    /// <summary>Where the nodes are told.</summary>
    public const string Path = "api/nodes";

    /// <summary>As it was told, with what an older client does not know.</summary>
    public JsonElement Json { get; } = json;

    public string Name => Json.Text("name");

    public string Url => Json.Text("url");

    public string Kind => Json.Text("kind");

    /// <summary>One of <c>connecting</c>, <c>up</c>, <c>down</c>, <c>testing</c>, <c>recovering</c>.</summary>
    public string State => Json.Text("state");

    /// <summary>What it is and its version; empty when it has never answered.</summary>
    public string Software => Json.Text("software");

    public int InFlight => Json.Count("in_flight");

    /// <summary>Requests it runs at once; null where that is not known.</summary>
    public int? Slots => Json.Find("slots") is null ? null : Json.Count("slots");

    public IReadOnlyList<string> Models => Json.Texts("models");

    /// <summary>Other names of its models, each with the model that it stands for.</summary>
    public IReadOnlyList<(string Name, string Model)> Aliases =>
        [.. Json.Items("aliases").Select(alias => (alias.Text("name"), alias.Text("model")))];

    public IReadOnlyList<ResidentModel> Resident => [.. Json.Items("resident").Select(AnswerJson.Resident)];

    public string LastFailure => Json.Text("last_failure");

    /// <summary>Whether it cannot be used now.</summary>
    public bool IsDown => State is "down" or "connecting";

    /// <summary>Whether someone has configured it; the embedded engine, and an Ollama that is looked for by itself, were not.</summary>
    public bool IsConfigured => Json.Find("configured")?.ValueKind != JsonValueKind.False;

    public bool Has(string model) => Models.Any(name => ModelNames.Same(name, model));

    /// <summary>The nodes that answer for a name of the gateway's list, which may be an alias.</summary>
    public static IEnumerable<GatewayNode> Serving(IReadOnlyList<GatewayNode> nodes, string name) => IsAlias(nodes, name)
        ? nodes.Where(node => node.Aliases.Any(alias => ModelNames.Same(alias.Name, name)))
        : nodes.Where(node => node.Has(name));

    /// <summary>Whether a name stands for another model; it then hides a model of that name.</summary>
    public static bool IsAlias(IReadOnlyList<GatewayNode> nodes, string name) =>
        nodes.Any(node => node.Aliases.Any(alias => ModelNames.Same(alias.Name, name)));

    /// <summary>The models in the nodes' memory, under each name that the gateway's list of them has.</summary>
    /// <param name="nodes">The nodes.</param>
    /// <param name="listed">The gateway's list, in whose order they come.</param>
    public static IReadOnlyList<(ResidentModel Model, string? Node)> ResidentOn(IReadOnlyList<GatewayNode> nodes,
        IReadOnlyList<ResidentModel> listed) =>
    [
        .. listed.Select(model => model.Summary.Name).Distinct(StringComparer.OrdinalIgnoreCase).SelectMany(name => nodes
            .SelectMany(node => node.Resident.Where(model => node.Means(nodes, name, model.Summary.Name))
                .Select(model => (model with { Summary = model.Summary with { Name = name } }, (string?)node.Name)))),
    ];

    private bool Means(IReadOnlyList<GatewayNode> all, string name, string model) => IsAlias(all, name)
        ? Aliases.Any(alias => ModelNames.Same(alias.Name, name) && ModelNames.Same(alias.Model, model))
        : ModelNames.Same(name, model);

    /// <summary>All nodes of an answer.</summary>
    public static IReadOnlyList<GatewayNode> ReadAll(JsonElement answer) => [.. answer.Items("nodes").Select(node => new GatewayNode(node.Clone()))];

    /// <summary>All nodes; none where the host has no such thing.</summary>
    public static async Task<IReadOnlyList<GatewayNode>> AllAsync(IModelHost host, CancellationToken cancellationToken)
    {
        try
        {
            return await host.NodesAsync(cancellationToken);
        }
        catch (CliException e) when (e is not GatewayUnreachableException)
        {
            // An Ollama, an older gateway, the engine in this process.
            return [];
        }
    }

    /// <summary>Says that all nodes that were configured are down, and why; null where one is not, or there is none.</summary>
    public static string? AllDown(IReadOnlyList<GatewayNode> nodes)
    {
        var configured = nodes.Where(node => node.Kind != "embedded" && node.IsConfigured).ToList();
        return configured.Count > 0 && configured.TrueForAll(node => node.IsDown)
            ? $"all nodes{(nodes.Any(node => node.Kind == "embedded") ? " beside the embedded engine" : "")} are down ({string.Join("; ", configured.Select(node => node.LastFailure.Length > 0 ? $"{node.Name}: {NodeFailure.Reason(node.Name, node.LastFailure)}" : node.Name))})"
            : null;
    }

    /// <summary>The nodes that have answered, where there are several; none where it makes no difference, or the gateway does not tell.</summary>
    public static async Task<IReadOnlyList<GatewayNode>> SeveralAsync(IModelHost host, CancellationToken cancellationToken)
    {
        var known = (await AllAsync(host, cancellationToken)).Where(node => node.Software.Length > 0).ToList();
        return known.Count > 1 ? known : [];
    }
}
