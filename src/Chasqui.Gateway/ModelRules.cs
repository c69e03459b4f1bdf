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
