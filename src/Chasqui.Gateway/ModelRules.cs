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
        ArgumentNullException.ThrowIfNull(models);
        var aliases = _rules.Aliases;
        return aliases.Aliases.Count == 0 ? models : [.. models.SelectMany(model => aliases.NamesOf(model.Name)
            .Select(name => model with { Name = name }))];
    }

    /// <summary>The same for models in memory. The requests of a model are counted under the last of its names alone, so that a sum over
    /// the list is right.</summary>
    /// <param name="models">The models that are in memory.</param>
    public IReadOnlyList<ResidentModel> WithAliases(IReadOnlyList<ResidentModel> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        var aliases = _rules.Aliases;
        return aliases.Aliases.Count == 0 ? models : [.. models.SelectMany(model => Named(model, aliases.NamesOf(model.Summary.Name)))];
    }

    /// <summary>The names under which lists have a model: its aliases, and its own unless an alias hides it.</summary>
    /// <param name="model">Its own name.</param>
    public IReadOnlyList<string> NamesOf(string model) => _rules.Aliases.NamesOf(model);

    /// <summary>The aliases of a model, as they were configured.</summary>
    /// <param name="model">Its own name.</param>
    public IReadOnlyList<string> AliasesOf(string model) => _rules.Aliases.Of(model);

    /// <summary>The name under which lists have what a client asked for: the alias as it was configured, else the model's own.</summary>
    /// <param name="asked">The name that was asked for.</param>
    /// <param name="model">The model that answered.</param>
    internal ModelSummary AsListed(string asked, ModelSummary model) => _rules.Aliases.Spelled(asked) is { } alias
        ? model with { Name = alias } : model;

    /// <summary>The rules for a model's options; null where there are none.</summary>
    /// <param name="model">Its canonical name.</param>
    public OptionPolicy? PolicyOf(string model) => _rules.Policies.Find(model);

    /// <summary>Stops following.</summary>
    public void Dispose() => _listening.Dispose();

    private static IEnumerable<ResidentModel> Named(ResidentModel model, IReadOnlyList<string> names) => names.Select((name, index) =>
    {
        var named = model with { Summary = model.Summary with { Name = name } };
        return index == names.Count - 1 ? named : named with { Running = 0, Waiting = 0 };
    });

    private sealed record Rules(AliasTable Aliases, OptionPolicies Policies)
    {
        public static Rules Of(GatewaySettings settings) => new(new AliasTable(settings.Catalogue.Aliases), new OptionPolicies(settings.Policies));
    }
}
