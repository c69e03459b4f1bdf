using System.Collections.Concurrent;
using Chasqui.Gateway.Catalogue;

namespace Chasqui.Gateway.Policies;

/// <summary>All policies: the first that names a model holds for it. Thread-safe.</summary>
/// <param name="policies">As configured.</param>
public sealed class OptionPolicies(IReadOnlyList<ModelPolicy> policies)
{
    /// <summary>Clients may ask for any name; only so many answers are kept.</summary>
    private const int MaxKnown = 1024;

    /// <summary>A longer name is no model's.</summary>
    private const int MaxName = 400;

    private readonly (NamePattern[] Models, OptionPolicy Policy)[] _policies =
        [.. policies.Select(policy => (policy.Models.Select(text => new NamePattern(text)).ToArray(), new OptionPolicy(policy)))];

    private readonly ConcurrentDictionary<string, OptionPolicy?> _known = new(StringComparer.Ordinal);

    /// <summary>The policy for a model, which is asked for by its real name, not by an alias; null for none.</summary>
    public OptionPolicy? Find(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (_policies.Length == 0)
            return null;
        if (_known.TryGetValue(model, out var policy))
            return policy;
        policy = Array.Find(_policies, entry => Array.Exists(entry.Models, pattern => pattern.Matches(model))).Policy;
        if (model.Length <= MaxName && _known.Count < MaxKnown)
            _known[model] = policy;
        return policy;
    }
}
