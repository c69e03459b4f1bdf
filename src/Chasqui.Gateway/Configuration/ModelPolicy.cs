namespace Chasqui.Gateway;

/// <summary>What becomes of one option of a client.</summary>
public enum OptionTreatment
{
    /// <summary>It stays as it is.</summary>
    Keep,

    /// <summary>It is left out.</summary>
    Strip,

    /// <summary>It is held between a least and a greatest value.</summary>
    Clamp,

    /// <summary>It becomes the least of the given values that is not below it, or the greatest of them.</summary>
    Bucket,
}

/// <summary>A rule for one option.</summary>
/// <param name="Treatment">What is done.</param>
/// <param name="Values">For <see cref="OptionTreatment.Clamp"/> the least and the greatest value, for <see cref="OptionTreatment.Bucket"/> all, ascending; else empty.
/// Tokens for <c>num_ctx</c> and <c>num_batch</c>, seconds for <c>keep_alive</c>, where a negative value means for ever.</param>
public sealed record OptionRule(OptionTreatment Treatment, IReadOnlyList<double> Values)
{
    /// <summary>For <see cref="OptionTreatment.Strip"/>: only lesser values are left out; null for all.</summary>
    internal double? StripsBelow { get; init; }

    /// <summary>Leaves everything as it is.</summary>
    public static OptionRule Keep { get; } = new(OptionTreatment.Keep, []);
}

/// <summary>Rules for the options with which a client could make a node load a model anew, or keep it too long. The first policy that names a model holds for it.</summary>
public sealed record ModelPolicy
{
    /// <summary>Patterns of the models that it is for; <c>*</c> stands for any text.</summary>
    public IReadOnlyList<string> Models { get; init; } = ["*"];

    /// <summary>The rule for <c>num_ctx</c>. Default keep.</summary>
    public OptionRule NumCtx { get; init; } = OptionRule.Keep;

    /// <summary>The rule for <c>num_batch</c>. Default keep.</summary>
    public OptionRule NumBatch { get; init; } = OptionRule.Keep;

    /// <summary>The rule for <c>keep_alive</c>. Default keep.</summary>
    public OptionRule KeepAlive { get; init; } = OptionRule.Keep;
}

/// <summary>Names and patterns of the models that clients see.</summary>
public sealed record CatalogueOptions
{
    /// <summary>Other names for models, e.g. <c>gpt-4o</c> for <c>llama3.3:70b</c>.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; init; } = new Dictionary<string, string>();

    /// <summary>Patterns of the models that clients may ask for; <c>*</c> stands for any text. Default all.</summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    /// <summary>Patterns of those that they may not, whatever <see cref="Allow"/> says. Default none.</summary>
    public IReadOnlyList<string> Deny { get; init; } = [];
}
