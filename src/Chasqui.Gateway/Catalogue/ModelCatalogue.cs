using System.Collections.Frozen;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Gateway.Catalogue;

/// <summary>The models of all nodes together, at one moment. Immutable.</summary>
public sealed class ModelCatalogue
{
    private const int MaxNearest = 3;

    // A longer name is no slip of anybody's, and comparing it takes long.
    private const int MaxName = 400;

    private readonly FrozenDictionary<string, Node[]> _nodes;

    private ModelCatalogue(FrozenDictionary<string, Node[]> nodes, IReadOnlyList<ModelSummary> models)
    {
        _nodes = nodes;
        Models = models;
    }

    /// <summary>No models.</summary>
    public static ModelCatalogue Empty { get; } = new(FrozenDictionary<string, Node[]>.Empty, []);

    /// <summary>Each model once, newest first.</summary>
    public IReadOnlyList<ModelSummary> Models { get; }

    /// <summary>The nodes that have a model.</summary>
    /// <param name="model">Its canonical name.</param>
    /// <param name="node">The only node to look at; null for all.</param>
    public IReadOnlyList<Node> Having(string model, string? node = null)
    {
        if (!_nodes.TryGetValue(model, out var nodes))
            return [];
        return node is null ? nodes : [.. nodes.Where(having => having.Name == node)];
    }

    /// <summary>The names nearest to one that is not there, at most three.</summary>
    public IReadOnlyList<string> Nearest(string model)
    {
        var bare = Bare(model);
        if (bare.Length > MaxName)
            return [];
        return [.. _nodes.Keys.Select(name => (Name: name, Distance: EditDistance.Of(Bare(name), bare)))
            .Where(near => near.Distance <= Math.Max(1, bare.Length / 3) || (bare.Length >= 3 && near.Name.StartsWith(bare, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(near => near.Distance).ThenBy(near => near.Name, StringComparer.Ordinal).Take(MaxNearest).Select(near => near.Name)];

        static string Bare(string name) => name.EndsWith(":latest", StringComparison.Ordinal) ? name[..^":latest".Length] : name;
    }

    /// <summary>Puts the nodes' models together.</summary>
    internal static ModelCatalogue Of(IReadOnlyList<Node> nodes, Func<string, bool> isVisible)
    {
        var byModel = new Dictionary<string, List<Node>>(ModelNames.Comparer);
        var newest = new Dictionary<string, ModelSummary>(ModelNames.Comparer);
        foreach (var node in nodes)
        {
            foreach (var (name, summary) in node.Models)
            {
                if (!isVisible(name))
                    continue;
                if (!byModel.TryGetValue(name, out var having))
                    byModel[name] = having = [];
                having.Add(node);
                if (!newest.TryGetValue(name, out var other) || summary.ModifiedAt > other.ModifiedAt)
                    newest[name] = summary;
            }
        }
        return new ModelCatalogue(
            byModel.ToFrozenDictionary(entry => entry.Key, entry => entry.Value.ToArray(), ModelNames.Comparer),
            [.. newest.Values.OrderByDescending(model => model.ModifiedAt.ToUnixTimeSeconds())]);
    }
}
