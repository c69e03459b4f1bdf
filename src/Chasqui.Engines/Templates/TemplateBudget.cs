using System.Globalization;

namespace Chasqui.Engines.Templates;

/// <summary>What one rendering may spend, so that no template runs for ever or fills the memory.</summary>
internal sealed class TemplateBudget
{
    /// <summary>Characters of the output, and of any one text on the way to it.</summary>
    public const int MaxText = 64 * 1024 * 1024;

    /// <summary>Nodes evaluated, items ranged over and blocks of 64 characters made.</summary>
    public const int MaxSteps = 10_000_000;

    private int _steps;

    public void Step(int steps = 1)
    {
        if (steps > MaxSteps - _steps)
            throw TooMuch();
        _steps += steps;
    }

    /// <summary>Accounts for a text of that many characters that is made or copied.</summary>
    public void Text(long length)
    {
        if (length > MaxText)
            throw new InvalidTemplateException(string.Create(CultureInfo.InvariantCulture,
                $"template: the output is longer than {MaxText} characters"));
        Step((int)(length / 64) + 1);
    }

    public static InvalidTemplateException TooMuch() => new(string.Create(CultureInfo.InvariantCulture,
        $"template: the template takes more than {MaxSteps} steps or nests its values too deeply"));
}
