using Chasqui.Gateway;

namespace Chasqui.Simulation;

/// <summary>One request of a trace.</summary>
public sealed record TraceRequest
{
    /// <summary>Seconds from the beginning of the trace, at least 0.</summary>
    public required double At { get; init; }

    /// <summary>The model; empty where the trace names none.</summary>
    public string Model { get; init; } = "";

    /// <summary>Who asks; empty where the trace does not say.</summary>
    public string Caller { get; init; } = "";

    /// <summary>The caller's weight. Default 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>How urgent it is.</summary>
    public PriorityClass Priority { get; init; } = PriorityClass.Normal;

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; init; }

    /// <summary>Tokens of the answer.</summary>
    public int OutputTokens { get; init; }

    /// <summary>Seconds that it may wait; null for as long as anybody.</summary>
    public double? MaxWait { get; init; }
}

/// <summary>A trace that cannot be read.</summary>
/// <param name="file">The file.</param>
/// <param name="line">The line, from 1.</param>
/// <param name="problem">What is wrong, and what would be right.</param>
public sealed class TraceException(string file, int line, string problem) : IOException(FormattableString.Invariant($"{file}, line {line}: {problem}"));
