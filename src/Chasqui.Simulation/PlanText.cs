using System.Buffers;
using System.Globalization;

namespace Chasqui.Simulation;

/// <summary>Nodes and models as they are typed.</summary>
public static class PlanText
{
    private static readonly SearchValues<char> _number = SearchValues.Create("0123456789.");

    private const string NodesForm = "COUNT, COUNTxSLOTS or COUNTxSLOTS@MEMORY, such as 4, 4x8 or 4x8@80GB";
    private const string ModelForm = "NAME:size=5GB,load=8s,prompt=2000,decode=30,share=1, where all behind the name may be left out";

    /// <summary>Reads <c>4</c>, <c>4x8</c> or <c>4x8@80GB</c>.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be.</exception>
    public static SimulationPlan Nodes(SimulationPlan plan, string text)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(text);
        var memory = plan.Memory;
        var rest = text;
        if (rest.IndexOf('@', StringComparison.Ordinal) is >= 0 and var at)
        {
            memory = Bytes(rest[(at + 1)..]) ?? throw new FormatException($"is \"{text}\", but must be {NodesForm}");
            rest = rest[..at];
        }
        var parts = rest.Split('x');
        var slots = plan.Slots;
        if (parts.Length is 0 or > 2 || !Whole(parts[0], out var count) || (parts.Length == 2 && !Whole(parts[1], out slots)))
            throw new FormatException($"is \"{text}\", but must be {NodesForm}");
        return plan with { Nodes = count, Slots = slots, Memory = memory };
    }

    /// <summary>Reads <c>NAME:size=5GB,load=8s,prompt=2000,decode=30,share=1</c>.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be.</exception>
    public static SimulatedModel Model(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // A name may have a tag: what follows the last colon is costs only where it says so.
        var cut = text.LastIndexOf(':');
        var costs = cut >= 0 && text.AsSpan(cut).Contains('=') ? text[(cut + 1)..] : "";
        var model = new SimulatedModel { Name = costs.Length > 0 ? text[..cut] : text };
        if (model.Name.Length == 0)
            throw new FormatException($"is \"{text}\", but must be {ModelForm}");
        foreach (var cost in costs.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = cost.Split('=', 2) is [var n, var v] ? (n, v) : (cost, "");
            model = name switch
            {
                "size" when Bytes(value) is { } bytes => model with { Bytes = bytes },
                "load" when Number(value.TrimEnd('s')) is { } seconds => model with { LoadSeconds = seconds },
                "prompt" when Number(value) is > 0 and var rate => model with { PromptRate = rate },
                "decode" when Number(value) is > 0 and var rate => model with { DecodeRate = rate },
                "share" when Number(value) is > 0 and var share => model with { Share = share },
                _ => throw new FormatException($"has \"{cost}\", but must be {ModelForm}"),
            };
        }
        return model;
    }

    private static bool Whole(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value is >= 1 and <= 10_000;

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1e9 ? value : null;

    private static long? Bytes(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExcept(_number);
        var unit = (digits < 0 ? "" : text[digits..]).ToUpperInvariant();
        var scale = unit switch
        {
            "" or "B" => 1.0,
            "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "TB" => 1e12,
            "KIB" => 1 << 10,
            "MIB" => 1 << 20,
            "GIB" => 1 << 30,
            _ => 0,
        };
        return scale > 0 && Number(digits < 0 ? text : text[..digits]) is > 0 and var number && number * scale <= 1L << 50 ? (long)(number * scale) : null;
    }
}
