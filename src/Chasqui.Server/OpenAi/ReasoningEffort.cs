using Chasqui.Engines;

namespace Chasqui.Server;

/// <summary>How much a model shall think, on OpenAI's scale and on the engine's.</summary>
internal static class ReasoningEffort
{
    /// <summary>The engine's <see cref="GenerationRequest.Think"/> for an effort. What is beyond its scale becomes the nearest step, as in Ollama.</summary>
    /// <param name="effort">OpenAI's word; empty for the model's default.</param>
    public static string? ToThink(string effort) => effort switch
    {
        "" => null,
        "none" => "false",
        "minimal" => "low",
        "low" or "medium" or "high" or "max" => effort,
        "xhigh" or "ultra" => "max",
        _ => throw new InvalidParameterException(null, $"invalid reasoning value: {GoQuote.Quote(Field.Clip(effort))} "
            + "(must be \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\", \"ultra\", \"max\", or \"none\")"),
    };
}
