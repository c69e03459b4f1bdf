using Chasqui.Gateway.Dispatch;

namespace Chasqui.Gateway.Caching;

/// <summary>What a model's name stands for now: part of every key, so that a model that was changed has no answers yet.</summary>
public sealed class ModelVersions(Dispatcher dispatcher, ModelRules rules)
{
    private PolicyText? _policies;

    /// <summary>The model's canonical name, the digests of it that nodes have, and the rules for options, which change what is asked.</summary>
    /// <param name="model">The model as it was asked for.</param>
    /// <param name="node">The only node that may be asked; null for all.</param>
    /// <returns>Null where no node is known to have it, or where one that has it was changed and has not told yet what it has now.</returns>
    public string? Of(string model, string? node)
    {
        var name = rules.Resolve(model);
        var having = dispatcher.Nodes.Catalogue.Having(name, node);
        if (having.Count == 0 || having.Any(one => !one.IsUpToDate))
            return null;
        var digests = having.Select(one => one.Find(name)?.Digest ?? "").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return $"{name}\n{string.Join(',', digests)}\n{Policies()}";
    }

    private string Policies()
    {
        var policies = dispatcher.Nodes.Settings.Policies;
        if (_policies is { } known && ReferenceEquals(known.Policies, policies))
            return known.Text;
        return (_policies = new PolicyText(policies, string.Join(';', policies.Select(policy =>
            $"{string.Join(',', policy.Models)} {Rule(policy.NumCtx)} {Rule(policy.NumBatch)}")))).Text;

        static string Rule(OptionRule rule) => FormattableString.Invariant($"{rule.Treatment} {string.Join(',', rule.Values)}");
    }

    private sealed record PolicyText(IReadOnlyList<ModelPolicy> Policies, string Text);
}
