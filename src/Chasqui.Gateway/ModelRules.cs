using Chasqui.Gateway.Catalogue;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway;

/// <summary>What the settings say of models: other names, and rules for options. Follows the settings; thread-safe.</summary>
public sealed class ModelRules : IDisposable
{
    private readonly IDisposable _listening;
    private volatile Rules _rules;

    /// <summary>Begins to follow the settings.</summary>
    public ModelRules(IGatewaySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _rules = Rules.Of(settings.Current);
        _listening = settings.OnChange(changed => _rules = Rules.Of(changed));
    }

    /// <summary>The canonical name of the model that a client means.</summary>
    public string Resolve(string name) => ModelNames.Canonical(_rules.Aliases.Resolve(name));

    /// <summary>A list of models with the aliases that stand for any of them, before the model each; what an alias hides is left out.</summary>
    /// <param name="models">The models that there are.</param>
    public IReadOnlyList<ModelSummary> WithAliases(IReadOnlyList<ModelSummary> models)
    {
        var aliases = _rules.Aliases.Aliases;
        if (aliases.Count == 0)
            return models;
        var named = aliases.ToLookup(alias => ModelNames.Canonical(alias.Value), alias => alias.Key, ModelNames.Comparer);
        var hidden = aliases.Keys.Select(ModelNames.Canonical).ToHashSet(ModelNames.Comparer);
        return
        [
            .. models.SelectMany(model => named[ModelNames.Canonical(model.Name)].Select(alias => model with { Name = alias })
                .Concat(hidden.Contains(ModelNames.Canonical(model.Name)) ? [] : [model])),
        ];
    }

    /// <summary>The rules for a model's options; null where there are none.</summary>
    /// <param name="model">Its canonical name.</param>
    public OptionPolicy? PolicyOf(string model) => _rules.Policies.Find(model);

    /// <summary>Stops following.</summary>
    public void Dispose() => _listening.Dispose();

    private sealed record Rules(AliasTable Aliases, OptionPolicies Policies)
    {
        public static Rules Of(GatewaySettings settings) => new(new AliasTable(settings.Catalogue.Aliases), new OptionPolicies(settings.Policies));
    }
}
