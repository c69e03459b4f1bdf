namespace Chasqui.Cli.Tests;

/// <summary>A fenced block of a document.</summary>
/// <param name="Document">The file, from the root of the checkout.</param>
/// <param name="Line">The line of the fence, from 1.</param>
/// <param name="Language">What stands behind the fence; empty for nothing.</param>
/// <param name="Text">The lines within.</param>
internal sealed record Sample(string Document, int Line, string Language, IReadOnlyList<string> Text)
{
    /// <summary>The commands of a block of <c>sh</c>, or those behind the prompt of a <c>console</c>.</summary>
    public IEnumerable<string> Commands => Language switch
    {
        "sh" => Text.Where(line => line.Trim().Length > 0 && !line.StartsWith('#')),
        "console" => Text.Where(line => line.StartsWith("$ ", StringComparison.Ordinal)).Select(line => line[2..]),
        _ => [],
    };
}

/// <summary>The blocks of README.md and of the documents.</summary>
internal static class DocumentSamples
{
    public static IReadOnlyList<string> Documents { get; } =
    [
        "README.md", "README.zh-CN.md", .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(file => "docs/" + Path.GetFileName(file)).Order(StringComparer.Ordinal),
    ];

    public static IReadOnlyList<Sample> Of(string document)
    {
        var samples = new List<Sample>();
        List<string>? text = null;
        var (start, language, number) = (0, "", 0);
        foreach (var line in File.ReadLines(Path.Combine(Repository.Root, document)))
        {
            number++;
            if (!line.StartsWith("```", StringComparison.Ordinal))
            {
                text?.Add(line);
            }
            else if (text is null)
            {
                (text, start, language) = ([], number, line[3..].Trim());
            }
            else
            {
                samples.Add(new Sample(document, start, language, text));
                text = null;
            }
        }
        return samples;
    }
}
