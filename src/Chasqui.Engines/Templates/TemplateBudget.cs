using System.Globalization;

namespace Chasqui.Engines.Templates;

/// <summary>
/// What one rendering may spend, so that no template runs for ever or fills the memory. A template of a request has less than one of a model, which only those can make who may change
/// models.
/// </summary>
/// <param name="steps">Nodes evaluated and items ranged over.</param>
/// <param name="output">Characters of the output, and of any one text on the way to it.</param>
/// <param name="depth">Blocks, calls of templates and pipelines in each other.</param>
/// <param name="padding">The greatest width that <c>printf</c> may be given.</param>
internal sealed class TemplateBudget(int steps, int output, int depth, int padding)
{
    /// <summary>Steps of a model's template.</summary>
    public const int ModelSteps = 5_000_000;

    /// <summary>Steps of a request's template.</summary>
    public const int RequestSteps = 100_000;

    /// <summary>Characters of any output.</summary>
    public const int MostOutput = 64 * 1024 * 1024;

    /// <summary>Beside its output a template may make this many times as much text on the way to it.</summary>
    private const int Copies = 4;

    private int _steps;
    private long _text;
    private long _output;

    /// <summary>Characters of any one text.</summary>
    public int MaxText { get; } = output;

    /// <summary>Levels of nesting.</summary>
    public int MaxDepth { get; } = depth;

    /// <summary>The budget of a model's own template.</summary>
    /// <param name="input">Characters of what it is rendered over.</param>
    public static TemplateBudget OfModel(long input) => new(ModelSteps, (int)Math.Min(MostOutput, (1 << 20) + (4 * input)), depth: 500, padding: 1_000_000);

    /// <summary>The budget of a template that came with a request.</summary>
    /// <param name="input">Characters of what it is rendered over.</param>
    /// <param name="own">Characters that it may add to that.</param>
    public static TemplateBudget OfRequest(long input, long own) => new(RequestSteps, (int)Math.Min(MostOutput, input + own), depth: 100, padding: 1_000);

    public void Step(int steps = 1)
    {
        if (steps > MaxSteps - _steps)
            throw TooMuch();
        _steps += steps;
    }

    private int MaxSteps { get; } = steps;

    /// <summary>Accounts for a text of that many characters that is made or copied.</summary>
    public void Text(long length)
    {
        Step();
        _text += length;
        if (length > MaxText || _text > (long)MaxText * Copies)
            throw TooLong();
    }

    /// <summary>Accounts for characters of the output.</summary>
    public void Output(int length)
    {
        Step();
        _output += length;
        if (_output > MaxText)
            throw TooLong();
    }

    /// <summary>Checks a width of <c>printf</c>.</summary>
    public void Width(int width)
    {
        if (width > padding)
        {
            throw new InvalidTemplateException(string.Create(CultureInfo.InvariantCulture,
                $"template: printf is given a width of {width}, but it may be at most {padding}"));
        }
        if (width > 64)
            Text(width);
    }

    public InvalidTemplateException TooMuch() => new(string.Create(CultureInfo.InvariantCulture,
        $"template: the template takes more than {MaxSteps} steps or nests its values too deeply"));

    private InvalidTemplateException TooLong() => new(string.Create(CultureInfo.InvariantCulture,
        $"template: the output is longer than {MaxText} characters, or more than {Copies} times as many are made on the way to it"));
}
