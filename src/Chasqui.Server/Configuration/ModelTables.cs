using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys <c>Models:Aliases</c> and <c>Models:Policies</c>.</summary>
internal static class ModelTables
{
    private const string Rule = "keep";

    public static ConfigurationTable Aliases() => new ConfigurationTable<Alias>(
        "Models:Aliases", "Other names for models. A name is looked up once, and an alias hides a model of its name. Every list of models has aliases beside the models that they stand for.", "none",
        [
            new("Name", false, "string", "", "a name, such as gpt-4o", "The name that clients use.",
                (alias, values) => IsName(values[0]) ? alias with { Name = values[0] } : null) { IsRequired = true },
            new("Model", false, "string", "", "a model's name, such as llama3.3:70b", "The model that is meant.",
                (alias, values) => IsName(values[0]) ? alias with { Model = values[0] } : null) { IsRequired = true },
        ],
        () => new Alias("", ""), Check,
        (options, aliases) => options with { Catalogue = options.Catalogue with { Aliases = aliases.ToDictionary(alias => alias.Name, alias => alias.Model) } });

    public static ConfigurationTable Policies() => new ConfigurationTable<ModelPolicy>(
        "Models:Policies", "Rules for options with which one client could make a model be loaded anew for all. The first policy that names a model holds for it.", "none",
        [
            new("Models", true, "string", "*", "a pattern of models' names", "The models that it is for; `*` stands for any text.",
                (policy, values) => values.Count > 0 && values.All(value => value.Length > 0) ? policy with { Models = values } : null),
            Option("NumCtx", OptionRuleText.ExpectedTokens, "What becomes of `num_ctx`.", OptionRuleText.Tokens, (policy, rule) => policy with { NumCtx = rule }),
            Option("NumBatch", OptionRuleText.ExpectedTokens, "What becomes of `num_batch`.", OptionRuleText.Tokens, (policy, rule) => policy with { NumBatch = rule }),
            Option("KeepAlive", OptionRuleText.ExpectedDurations, "What becomes of `keep_alive`.", OptionRuleText.Durations, (policy, rule) => policy with { KeepAlive = rule }),
        ],
        () => new ModelPolicy(), _ => null, (options, policies) => options with { Policies = policies });

    private static ItemKey<ModelPolicy> Option(
        string name, string expected, string meaning, Func<string, OptionRule?> read, Func<ModelPolicy, OptionRule, ModelPolicy> apply) =>
        new(name, false, "string", Rule, expected, meaning, (policy, values) => read(values[0]) is { } rule ? apply(policy, rule) : null);

    private static ItemProblem? Check(IReadOnlyList<Alias> aliases)
    {
        Dictionary<string, int> names = new(ModelNames.Comparer);
        for (var i = 0; i < aliases.Count; i++)
        {
            var (name, model) = aliases[i];
            if (!names.TryAdd(ModelNames.Canonical(name), i))
                return new(i, "Name", FormattableString.Invariant($"is \"{name}\", as that of \"Models:Aliases:{names[ModelNames.Canonical(name)]}\"; names must differ"));
            if (ModelNames.Same(name, model))
                return new(i, "Model", $"is \"{model}\", the alias itself; it must be another name");
        }
        return null;
    }

    private static bool IsName(string name) => name.Length is > 0 and <= 400 && !name.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) && !name.Contains('*', StringComparison.Ordinal);

    private sealed record Alias(string Name, string Model);
}
