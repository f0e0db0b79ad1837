"""Singapore's school subjects, levels and streams: canonical names and the words for them."""

SUBJECTS: dict[str, str] = {
    "English": "english, eng, english language, el, 英文, 英语",
    "English Literature": "english literature, literature, lit, elit, literature in english",
    "Phonics": "phonics",
    "Creative Writing": "creative writing, composition writing, essay writing",
    "Mathematics": "mathematics, maths, math, h1 math, h1 maths, h2 math, h2 maths, h3 math, 数学",
    "Elementary Mathematics": (
        "elementary mathematics, elementary maths, elementary math, e maths, e math, emaths, emath, "
        "e-maths, e-math, maths e, mathematics (elementary), elementary, e.math, e.maths"
    ),
    "Additional Mathematics": (
        "additional mathematics, additional maths, additional math, add maths, add math, a maths, a math, "
        "amaths, amath, a-maths, a-math, maths a, mathematics (additional), additional & elementary, "
        "a/e math, a/e maths, e/a math, e/a maths, a.math, a.maths"
    ),
    "Further Mathematics": "further mathematics, further maths, further math",
    "Statistics": "statistics, stats",
    "Calculus": "calculus",
    "Science": "science, sci, general science, 科学",
    "Combined Science": "combined science, combined sci, comb science, comb sci, c science",
    "Physics": "physics, phy, phys, pure physics, comb physics, combined physics, 物理",
    "Chemistry": "chemistry, chem, pure chemistry, pure chem, comb chem, combined chem, 化学",
    "Biology": "biology, bio, pure biology, pure bio, comb bio, combined bio, combined biology, 生物",
    "Chinese": "chinese, chi, chinese language, mandarin, mandarin chinese, 华文, 华语, 中文",
    "Higher Chinese": "higher chinese, hcl, hc, higher chi, higher chinese language, 高级华文, 高华",
    "Chinese Literature": "chinese literature",
    "Malay": "malay, bahasa melayu, malay language",
    "Higher Malay": "higher malay",
    "Tamil": "tamil, tamil language",
    "Higher Tamil": "higher tamil",
    "Hindi": "hindi",
    "Mother Tongue": "mother tongue, mt",
    "French": "french",
    "German": "german",
    "Japanese": "japanese",
    "Korean": "korean",
    "Spanish": "spanish",
    "Thai": "thai",
    "Indonesian": "bahasa indonesia, indonesian",
    "Geography": "geography, geog, pure geography, pure geog, human geography",
    "History": "history, hist, pure history, pure hist",
    "Social Studies": "social studies, ss",
    "Humanities": "humanities, combined humanities, comb humanities, comb humans, pure humanities",
    "Economics": "economics, econs, econ, h1 econs, h2 econs",
    "Principles of Accounts": "principles of accounts, principles of accounting, poa",
    "Accounting": "accounting, accounts, accountancy, moa",
    "Business": "business, business studies, business management, mob",
    "General Paper": "general paper, gp",
    "Project Work": "project work",
    "Knowledge and Inquiry": "knowledge and inquiry, knowledge & inquiry",
    "Theory of Knowledge": "theory of knowledge, tok",
    "Extended Essay": "extended essay",
    "Computing": "computing, computer science, computer studies, infocomm",
    "Programming": "programming, coding, python, java, c++, scratch",
    "Robotics": "robotics",
    "Design and Technology": "design and technology, design & technology, d&t, dnt",
    "Food and Nutrition": "food and nutrition, food & nutrition, nutrition and food science",
    "Art": "art, arts, painting",
    "Music": "music, music theory",
    "Piano": "piano",
    "Guitar": "guitar",
    "Violin": "violin",
    "Drums": "drums, drum",
    "Swimming": "swimming",
    "Psychology": "psychology, psych",
    "Sociology": "sociology",
    "Law": "law",
    "Engineering": "engineering, engineering mathematics, engineering maths, mechanics",
    "Finance": "finance",
    "Marketing": "marketing",
    "Mathematical Olympiad": "math olympiad, maths olympiad, olympiad math, smo, amc, smops",
    "General Ability": "gep, gat, hast, dsa",
    "Homework Supervision": "homework supervision, homework help, homework guidance",
    "All Subjects": "all subjects, all core subjects, all subject",
}

GENERIC_LEVELS: dict[str, str] = {
    "Preschool": "preschool, pre-school, pre school, nursery, playgroup, toddler",
    "Kindergarten": "kindergarten",
    "Primary": "primary, pri, psle, lower pri, upper pri, lower primary, upper primary, elementary school",
    "Secondary": "secondary, sec, upper sec, lower sec, upper secondary, lower secondary, middle school",
    "JC": "jc, junior college",
    "O Level": "o level, o levels, o-level, o-levels, olevel, gce o level",
    "N Level": "n level, n levels, n-level, n-levels",
    "A Level": "a level, a levels, a-level, a-levels, alevel, gce a level",
    "IB": "ib, ibdp, myp, pyp, international baccalaureate, ib diploma, ib dp",
    "IGCSE": "igcse, gcse",
    "Polytechnic": "polytechnic, poly",
    "ITE": "ite",
    "University": "university, uni, undergraduate module, tertiary, degree module",
    "Diploma": "diploma",
    "Adult": "adult, adults, working adult, adult learner",
}
"""Levels without a number."""

NUMBERED_LEVELS: dict[str, tuple[str, int]] = {
    "nursery": ("Nursery", 2),
    "n": ("Nursery", 2),
    "kindergarten": ("Kindergarten", 2),
    "k": ("Kindergarten", 2),
    "primary": ("Primary", 6),
    "pri": ("Primary", 6),
    "p": ("Primary", 6),
    "secondary": ("Secondary", 5),
    "sec": ("Secondary", 5),
    "s": ("Secondary", 5),
    "jc": ("JC", 2),
    "j": ("JC", 2),
    "junior college": ("JC", 2),
    "year": ("Year", 13),
    "yr": ("Year", 13),
    "y": ("Year", 13),
    "grade": ("Grade", 12),
    "gr": ("Grade", 12),
}
"""What may stand before a number: canonical name and highest year (13 as in British schools)."""

STREAMS: dict[str, str] = {
    "G1": "g1, posting group 1, pg1",
    "G2": "g2, posting group 2, pg2",
    "G3": "g3, posting group 3, pg3",
    "Express": "express, exp",
    "Normal Academic": "normal academic, normal (academic), n(a), na, normal acad",
    "Normal Technical": "normal technical, normal (technical), n(t), nt, normal tech",
    "IP": "ip, integrated programme, integrated program",
    "Foundation": "foundation, fdn",
    "H1": "h1",
    "H2": "h2",
    "H3": "h3",
    "IB HL": "hl, higher level",
    "IB SL": "sl, standard level",
}


def phrases(table: dict[str, str]) -> list[tuple[str, str]]:
    """Return (phrase, canonical name) pairs of a table."""
    return [(phrase.strip(), name) for name, words in table.items() for phrase in words.split(",")]
